// @ts-check
/** The column of sums, from list price to what is to be paid. Used by the checkout and the order page. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";

/** @typedef {{list_total: number, subtotal: number, discount: number, payable: number, currency: string, refunded?: number, state?: string}} Sums */

/**
 * Rows that say nothing (no sale, nothing refunded) are left out.
 * @param {Sums} sums
 * @param {import("./language.js").Language} language
 */
export function sumRows(sums, language) {
  const { list_total, subtotal, discount, payable, currency, refunded = 0, state } = sums;
  const isOnSale = list_total > subtotal;
  /** @type {[string, number][]} */
  const rows = [
    ...(isOnSale ? /** @type {[string, number][]} */ ([["list_total", list_total], ["sale", subtotal - list_total]]) : []),
    ["subtotal", subtotal],
    ["discount", -discount],
    ["payable", payable],
    ...(refunded ? /** @type {[string, number][]} */ ([["refunded", refunded]]) : []),
  ];
  return rows.flatMap(([name, minor]) => [
    h("dt", { "data-sum": name }, language.say(name === "payable" && state === "redeemed" ? "was_paid" : name)),
    // Not -0: some browsers write it.
    h("dd", { "data-sum": name, class: "figure" }, money(minor === 0 ? 0 : minor, currency, language.current, true)),
  ]);
}
