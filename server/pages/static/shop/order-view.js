// @ts-check
/**
 * One order: its lines with each coupon's part, its coupons and their state, totals and times.
 * Amounts are the server's, as they were frozen when the order was placed.
 */

import { h } from "/sdk/element/dom.js";
import { dateText, money } from "/sdk/element/value.js";
import { giftLines } from "./cart-view.js";
import { orderMessages } from "./messages-orders.js";
import { balanceBack } from "./totals.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("./shop-api.js").Order} Order */
/** @typedef {import("./shop-api.js").Line} Line */

/**
 * Return the state to show: `late` if the time to pay is over and the server has not noted it yet.
 * @param {Order} order
 * @param {number} now ms
 */
export function stateOf(
  { state, expires_at, refunded = 0, refunds = [], payable, balance = 0 },
  now,
) {
  if (state === "locked" && Date.parse(expires_at) <= now) return "late";
  if (state !== "redeemed" || refunds.length === 0) return state;
  return refunded >= payable && balanceBack(refunds) >= balance ? "refunded" : "part_refunded";
}

/** @param {Order} order @param {Language} language */
export function lineNodes(order, language) {
  const inMoney = (/** @type {number} */ minor) =>
    money(minor, order.currency, language.current, true);
  const nodes = order.lines.map((line) => {
    const isCourse = line.kind === "course";
    const isOnSale = line.list_price > line.unit_price;
    return h(
      "li",
      { class: "line", "data-line": line.id },
      h(
        "div",
        { class: "what" },
        h(
          "strong",
          null,
          isCourse
            ? `${line.name[language.current]}\u00a0×${line.quantity}`
            : line.name[language.current],
        ),
        isCourse &&
          h(
            "span",
            { class: "prices" },
            h(
              "span",
              { class: "hint figure" },
              language.say("each", { price: inMoney(line.unit_price) }),
            ),
            isOnSale && h("s", { class: "was figure" }, inMoney(line.list_price)),
          ),
      ),
      h(
        "div",
        { class: "sum" },
        h("span", { class: "figure amount" }, inMoney(line.amount)),
        line.discount > 0 && h("span", { class: "figure paid" }, inMoney(line.payable)),
      ),
      h("ul", { class: "shares" }, ...shareNodes(order, line, inMoney, language)),
    );
  });
  return [...nodes, ...giftLines(order.gifts, order.currency, language)];
}

/**
 * @param {Order} order
 * @param {Line} line
 * @param {(minor: number) => string} inMoney
 * @param {Language} language
 */
function shareNodes(order, line, inMoney, language) {
  const parts = order.coupons
    .filter(({ shares }) => shares[line.id])
    .map(({ name, shares }) => ({ name, share: shares[line.id] }));
  // The part of the discount that no coupon gave was paid from the balance.
  const rest = parts.reduce((left, { share }) => left - share, line.discount);
  if (rest > 0) parts.push({ name: language.say("balance"), share: rest });
  const shares = parts.map(({ name, share }) =>
    h("li", { class: "share figure" }, `${name} ${inMoney(-share)}`),
  );
  const back = returnedOf(order, line.id);
  if (back.refunded === 0 && back.quantity === 0) return shares;
  const key = back.quantity ? "line_refunded_n" : "line_refunded";
  const text = language.say(key, { n: back.quantity, amount: inMoney(back.refunded) });
  return [...shares, h("li", { class: "returned figure" }, text)];
}

/** Return what came back of a line so far. @param {Order} order @param {string} id */
export function returnedOf({ refunds = [] }, id) {
  const parts = refunds.flatMap(({ lines }) => lines.filter((part) => part.id === id));
  return {
    refunded: parts.reduce((sum, part) => sum + part.refunded, 0),
    quantity: parts.reduce((sum, part) => sum + (part.quantity ?? 0), 0),
  };
}

/** @param {Order} order @param {Language} language */
export function couponNodes(order, language) {
  if (order.coupons.length === 0)
    return [h("li", { class: "hint" }, language.say("no_coupons_used"))];
  const inMoney = (/** @type {number} */ minor) =>
    money(minor, order.currency, language.current, true);
  return order.coupons.map((coupon) => {
    const became = becameOf(order, coupon.code);
    const rebate = (order.rebates ?? []).find(({ code }) => code === coupon.code);
    return h(
      "li",
      { class: "used", "data-coupon": coupon.code },
      h(
        "div",
        { class: "what" },
        h("strong", null, coupon.name),
        h("code", null, coupon.code),
        rebate &&
          h(
            "span",
            { class: "hint" },
            language.say(`rebate_after_${rebate.after}`, {
              n: rebate.days ?? 0,
              amount: inMoney(rebate.amount),
            }),
          ),
        became && h("span", { class: "became" }, language.say(became)),
      ),
      coupon.discount > 0 && h("span", { class: "figure share" }, inMoney(-coupon.discount)),
    );
  });
}

/**
 * Return the coupon's fate, only if it changed after the order. @param {Order} order @param
 * {string} code
 */
function becameOf({ refunds = [] }, code) {
  const told = refunds[refunds.length - 1]?.coupons.find((each) => each.code === code);
  return told ? fateOf(told) : "";
}

/**
 * Return the message key for what a refund does to a coupon. @param {{state: string, reason?:
 * string}} told
 */
export function fateOf({ state, reason }) {
  const key = `coupon_now_${reason ?? state}`;
  return Object.prototype.hasOwnProperty.call(orderMessages, key) ? key : "coupon_now_other";
}

/** @param {Order} order @param {Language} language */
export function timeNodes(order, language) {
  const at = (/** @type {string} */ instant) => dateText(instant, language.current);
  const inMoney = (/** @type {number} */ minor) =>
    money(minor, order.currency, language.current, true);
  /** @type {[string, string][]} */
  const rows = [
    [language.say("order_number"), order.id],
    [language.say("placed_at"), at(order.created_at)],
  ];
  if (order.paid_at) rows.push([language.say("paid_at"), at(order.paid_at)]);
  for (const refund of order.refunds ?? []) {
    const what = language.say("refunded_at", { amount: inMoney(refund.refunded) });
    rows.push([what, refund.created_at ? at(refund.created_at) : ""]);
    if (refund.balance)
      rows.push(["", language.say("balance_back_n", { amount: inMoney(refund.balance) })]);
    const charged = refund.charged_back ?? 0;
    // Negative: an amount that an earlier refund kept is paid back now.
    if (charged)
      rows.push([
        "",
        language.say(charged > 0 ? "charged_back" : "charge_undone", {
          amount: inMoney(Math.abs(charged)),
        }),
      ]);
  }
  if (order.payment_ref) rows.push([language.say("payment_ref"), order.payment_ref]);
  return rows.flatMap(([name, value]) => [
    name && h("dt", null, name),
    h("dd", { class: !name && "note" }, value),
  ]);
}
