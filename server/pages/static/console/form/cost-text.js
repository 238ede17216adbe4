// @ts-check
/**
 * What a drop costs at most, every unit used at the coupon's greatest discount, and how long it is open. Pure.
 */

import { dateText, money } from "/sdk/element/value.js";

/** @typedef {import("/sdk/shapes.js").Discount} Discount */
/** @typedef {import("../../shared/language.js").Language} Language */

/**
 * @param {Discount} discount
 * @returns {number|null} minor units for each coupon; null if it has no upper bound
 */
export function greatestDiscount(discount) {
  switch (discount.kind) {
    case "amount_off":
      return discount.amount ?? 0;
    case "percent_off":
      return discount.max_amount ?? null;
    case "gift":
      return (discount.list_price ?? 0) * (discount.quantity ?? 1);
    case "rebate":
      return discount.credit ? greatestDiscount(discount.credit) : null;
    default:
      return null;
  }
}

/**
 * Return the line beside the button. It also says if there is no greatest cost.
 * @param {{discount?: Discount, currency?: string}} worth
 * @param {number} quantity
 * @param {Language} language
 */
export function costText({ discount, currency }, quantity, language) {
  if (!discount || !currency || !Number.isSafeInteger(quantity) || quantity < 1) return "";
  const each = greatestDiscount(discount);
  if (each === null) return language.say("costs_unknown");
  const inMoney = (/** @type {number} */ minor) => money(minor, currency, language.current);
  const sum = language.say("cost_sum", { n: quantity, each: inMoney(each) });
  return `${language.say("costs_at_most", { amount: inMoney(each * quantity) })} (${sum})`;
}

/**
 * Return for how long a drop is open; empty where it does not say.
 * @param {{duration_seconds?: number|null, closes?: import("/sdk/shapes.js").Closes}} drop
 * @param {Language} language
 */
export function endingText({ duration_seconds, closes }, language) {
  if (closes === "open_end") return language.say("length_open_end");
  if (closes) return language.say("length_at", { at: dateText(closes.at, language.current) });
  return duration_seconds ? lengthText(duration_seconds, language) : "";
}

/**
 * @param {number} seconds
 * @param {Language} language
 */
export function lengthText(seconds, language) {
  if (seconds % 60) return language.say("secs", { n: seconds });
  return language.say("mins", { n: seconds / 60 });
}
