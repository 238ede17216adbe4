// @ts-check
/**
 * The column of amounts, from the list price to what has to be paid. Used by the checkout and the
 * order page.
 */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";

/** @typedef {{list_total: number, subtotal: number, discount: number, payable: number, currency: string, balance: number|{used: number}, refunded?: number, refunds?: {balance: number}[], state?: string}} Sums */

/**
 * Return the part of a discount that the balance paid. @param {{balance: number|{used: number}}}
 * sums
 */
export const balancePart = ({ balance }) => (typeof balance === "number" ? balance : balance.used);

/**
 * Return the rows. Rows without content (no sale, no balance, nothing refunded) are left out.
 * @param {Sums} sums
 * @param {import("../shared/language.js").Language} language
 */
export function totalRows(sums, language) {
  const {
    list_total,
    subtotal,
    discount,
    payable,
    currency,
    refunded = 0,
    refunds = [],
    state,
  } = sums;
  const isOnSale = list_total > subtotal;
  const balance = balancePart(sums);
  /** @type {[string, number, boolean?][]} */
  const rows = [
    ["list_total", list_total, isOnSale],
    ["sale", subtotal - list_total, isOnSale],
    ["subtotal", subtotal],
    ["discount", balance - discount],
    ["balance", -balance, balance > 0],
    ["payable", payable],
    ["refunded", refunded, refunded > 0],
    ["balance_back", balanceBack(refunds), balanceBack(refunds) > 0],
  ];
  return rows
    .filter(([, , isShown = true]) => isShown)
    .flatMap(([name, minor]) => [
      h("dt", { "data-sum": name }, language.say(name === "payable" ? dueOf(state) : name)),
      // Not -0: some browsers show the sign.
      h(
        "dd",
        { "data-sum": name, class: "figure" },
        money(minor === 0 ? 0 : minor, currency, language.current, true),
      ),
    ]);
}

/** @param {string|undefined} state of an order */
function dueOf(state) {
  return state === "redeemed" ? "was_paid" : state === "cancelled" ? "was_due" : "payable";
}

/** Return what refunds gave back to the balance. @param {{balance: number}[]} [refunds] */
export function balanceBack(refunds = []) {
  return refunds.reduce((sum, { balance = 0 }) => sum + balance, 0);
}
