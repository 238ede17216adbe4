// @ts-check
/**
 * Applies the parameters of a link from a win: `?coupon=CODE` selects the coupon, `?course=ID` adds
 * the course, and the course that the coupon is for is added too. Done once for each link, and not
 * again when the page is reloaded.
 */

/** @typedef {import("./cart-model.js").CartModel} CartModel */
/** @typedef {import("./shop-api.js").Catalogue} Catalogue */
/** @typedef {import("./shop-api.js").Course} Course */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */

/**
 * @param {CartModel} cart
 * @param {Catalogue} catalogue
 * @param {ReadonlyMap<string, WalletCoupon>} wallet by code
 */
export function applyLinkParameters(cart, catalogue, wallet) {
  if (history.state?.landed) return;
  const asked = new URLSearchParams(location.search);
  const codes = asked.getAll("coupon");
  const named = catalogue.courses.filter(({ id }) => asked.getAll("course").includes(id));
  for (const { id } of named) putIn(cart, id);
  for (const code of codes) putInFor(wallet.get(code), cart, catalogue);
  if (codes.length) cart.tick([...codes, ...cart.ticked]);
  history.replaceState({ ...history.state, landed: true }, "");
}

/**
 * Add the course that the coupon is for. A coupon for every course adds nothing.
 * @param {WalletCoupon|undefined} coupon
 * @param {CartModel} cart
 * @param {Catalogue} catalogue
 */
function putInFor(coupon, cart, catalogue) {
  const { scope } = /** @type {any} */ (coupon?.template ?? {});
  if (!scope?.courses?.length && !scope?.packages?.length) return;
  const fitting = catalogue.courses.filter((course) => isIn(course, scope));
  if (fitting.length === 0 || fitting.some(({ id }) => cart.quantityOf(id) > 0)) return;
  putIn(cart, fitting[0].id);
}

/**
 * @param {Course} course
 * @param {{courses?: string[], packages?: string[], except_courses?: string[], except_packages?: string[]}} scope
 */
function isIn(
  { id, packages },
  { courses = [], packages: named = [], except_courses = [], except_packages = [] },
) {
  const isOut =
    except_courses.includes(id) || packages.some((each) => except_packages.includes(each));
  return !isOut && (courses.includes(id) || packages.some((each) => named.includes(each)));
}

/** @param {CartModel} cart @param {string} course */
function putIn(cart, course) {
  if (cart.quantityOf(course) === 0) cart.put(course, 1);
}
