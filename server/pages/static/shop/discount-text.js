// @ts-check
/** Short texts about coupons: what one is worth, and why one cannot be used. Pure. */

import { money, shortValue } from "/sdk/element/value.js";
import { shopMessages } from "./messages-shop.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */

/**
 * @param {WalletCoupon|undefined} coupon
 * @param {Language} language
 * @param {readonly import("./shop-api.js").Course[]} courses
 * @returns {string} empty if the coupon is unknown
 */
export function discountText(coupon, language, courses) {
  const { discount, currency } = /** @type {any} */ (coupon?.template ?? {});
  if (!discount) return "";
  const gift = courses.find(({ id }) => id === discount.course);
  const name = discount.name || gift?.name[language.current];
  return shortValue({ ...discount, name }, currency, language.current);
}

/**
 * Return why a coupon cannot be used for this order, and what is missing if something is.
 * @param {import("./shop-api.js").Unusable} unusable
 * @param {string} currency
 * @param {Language} language
 */
export function reasonText({ reason, short_by, short_pieces }, currency, language) {
  if (reason === "below_threshold" && short_by) {
    return language.say("spend_more", { amount: money(short_by, currency, language.current) });
  }
  if (reason === "below_threshold" && short_pieces) {
    return language.say("take_more", { n: short_pieces });
  }
  return language.say(
    Object.prototype.hasOwnProperty.call(shopMessages, `reason_${reason}`)
      ? `reason_${reason}`
      : "reason_other",
  );
}
