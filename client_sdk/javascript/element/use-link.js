// @ts-check
/** Where "use now" leads. Used by the coupon card and by the student's wallet. Pure. */

/**
 * The school's own address where the coupon has one, else our checkout; always with the coupon along,
 * as `?coupon=`, so that it can be ticked there. An address may say `{code}` where it wants it instead.
 * Whatever is no address, or not http(s), leads to our checkout: nothing a link says is run.
 * @param {string|null|undefined} useUrl
 * @param {string} code
 * @param {string} server
 */
export function useHref(useUrl, code, server) {
  const encoded = encodeURIComponent(code);
  const target = parsed((useUrl || "/checkout").replaceAll("{code}", encoded), server);
  if (!target || !/^https?:$/.test(target.protocol)) return useHref(null, code, server);
  if (!useUrl?.includes("{code}")) target.searchParams.set("coupon", code);
  return target.href;
}

/** @param {string} address @param {string} base */
function parsed(address, base) {
  try {
    return new URL(address, base);
  } catch {
    return null;
  }
}
