// @ts-check
/**
 * The refund of an order: pieces of its lines, first as a preview with the sum and what becomes of each coupon.
 * Support sees the preview; an operator may then record it.
 */

import { fill, h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { form } from "../shared/form.js";
import { findMessages } from "../students/messages-find.js";
import { trouble } from "../shared/trouble.js";

/** @import { OrderRecord, Refund, RefundForm } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host @param {OrderRecord} record @returns {HTMLElement|false} */
export function refundPart(host, record) {
  const { language, api } = host;
  language.add(findMessages);
  const open = record.lines.filter((line) => line.refunded < line.payable || isFreeLeft(line));
  if (!open.length || host.role === "finance") return false;
  const result = h("div", { class: "stack", role: "status" });
  const fields = form(
    host,
    open.map((line) => ({
      name: line.id,
      label: language.say("refund_pieces", {
        line: line.course ?? line.id,
        most: line.quantity - line.returned,
      }),
      type: /** @type {const} */ ("number"),
      max: line.quantity - line.returned,
    })),
    {
      button: language.say("refund_look"),
      bodyOf: refundOf,
      send: async (body) => {
        const shown = await api.refund(record.order_id, { ...body, preview: true });
        showResult(host, record, body, shown, result);
      },
    },
  );
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, language.say("order_refund")),
    h("p", { class: "hint" }, language.say("refund_hint")),
    fields,
    result,
  );
}

/** @param {OrderRecord["lines"][number]} line a line that costs nothing can still be returned */
const isFreeLeft = (line) => line.payable === 0 && line.returned < line.quantity;

/** @param {Record<string, string>} pieces by line @returns {RefundForm} everything where no line is named */
function refundOf(pieces) {
  const lines = Object.entries(pieces)
    .filter(([, text]) => Number(text) > 0)
    .map(([id, text]) => ({ id, quantity: Number(text) }));
  return { refund_id: `office-${crypto.randomUUID()}`, ...(lines.length && { lines }) };
}

/**
 * @param {Host} host @param {OrderRecord} record @param {RefundForm} body @param {Refund} shown
 * @param {HTMLElement} result
 */
function showResult(host, record, body, shown, result) {
  const { language, api } = host;
  const text = (/** @type {number} */ minor) =>
    money(minor, record.redemption.currency, language.current, true);
  const problem = h("div");
  const press = async () => {
    try {
      await api.refund(record.order_id, body); // its refund_id makes a second press harmless
      host.refresh();
    } catch (fault) {
      fill(problem, trouble(host, fault));
    }
  };
  fill(
    result,
    h("p", null, h("strong", null, language.say("refund_would", { amount: text(shown.refunded) }))),
    shown.charged_back > 0 &&
      h("p", null, language.say("refund_charged", { amount: text(shown.charged_back) })),
    shown.balance > 0 &&
      h("p", null, language.say("refund_to_balance", { amount: text(shown.balance) })),
    ...shown.coupons.map((coupon) =>
      h(
        "p",
        null,
        language.say("refund_coupon", {
          code: coupon.code,
          state: language.say(coupon.reason ? `refund_${coupon.reason}` : `coupon_${coupon.state}`),
        }),
      ),
    ),
    problem,
    host.mayWrite && h("p", { class: "hint" }, language.say("refund_who_pays")),
    host.mayWrite &&
      h(
        "div",
        { class: "office-row" },
        h(
          "button",
          { class: "plain-button danger", type: "button", onclick: () => void press() },
          language.say("refund_make", { amount: text(shown.refunded) }),
        ),
      ),
  );
}
