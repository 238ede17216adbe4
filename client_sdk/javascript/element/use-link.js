// @ts-check
/** The address of "use now". The coupon card and the student's wallet call it. Pure. */

/**
 * Return the school's address where the coupon has one, else that of our checkout, with the code as `?coupon=`
 * so that it is selected there. An address with `{code}` gets the code in that place instead. A text that is
 * not an http(s) address leads to our checkout, so that no script in a link can run.
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
