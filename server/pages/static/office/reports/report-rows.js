// @ts-check
/** The rows behind a figure of a report: the coupons or the orders that it counts. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { list } from "../shared/list.js";
import { timeText } from "../shared/time-text.js";

/** @import { ListedCoupon, ListedOrder } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view @param {"orders"|"coupons"} kind */
export const rowsPage = (host, view, kind) =>
  h(
    "div",
    { class: "office-section" },
    h("h3", null, host.language.say(`rows_${kind}`)),
    h("p", { class: "hint" }, host.language.say("rows_hint")),
    kind === "orders" ? orderList(host, view) : couponList(host, view),
  );

/** @param {Host} host @param {readonly string[]} names */
const fields = ({ language }, names) =>
  names.map((name) => ({
    name,
    label: language.say(`rows_${name}`),
    type: /** @type {"text"|"date"} */ (name === "from" || name === "to" ? "date" : "text"),
  }));

/** @param {Host} host @param {OfficeView} view */
function orderList(host, view) {
  const { language } = host;
  const sum = (/** @type {"payable"|"discount"|"refunded"} */ name) => ({
    title: language.say(`rows_${name}`),
    value: (/** @type {ListedOrder} */ row) => row[name],
    show: (/** @type {ListedOrder} */ row) =>
      money(row[name], row.currency, language.current, true),
    isNumber: true,
  });
  return list(host, view, {
    caption: language.say("rows_orders"),
    filters: fields(host, ["from", "to", "batch_id"]),
    columns: [
      { title: language.say("rows_order"), value: (row) => row.order_id },
      { title: language.say("rows_student"), value: (row) => row.student },
      {
        title: language.say("rows_state"),
        value: (row) => language.say(`rows_state_${row.state}`),
      },
      sum("payable"),
      sum("discount"),
      sum("refunded"),
      {
        title: language.say("rows_paid_at"),
        value: (row) => row.paid_at,
        show: (row) => timeText(host, row.paid_at) || "–",
      },
    ],
    load: async (after, { from, to, batch_id }) => {
      const { orders, next } = await host.api.listOrders({ limit: 50, after, from, to, batch_id });
      return { rows: orders, next };
    },
  });
}

/** @param {Host} host @param {OfficeView} view */
function couponList(host, view) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("rows_coupons"),
    filters: fields(host, ["from", "to", "batch_id", "campaign_id", "source"]),
    columns: [
      { title: language.say("rows_code"), value: (row) => row.code },
      { title: language.say("rows_name"), value: (row) => row.name },
      { title: language.say("rows_student"), value: (row) => row.student },
      {
        title: language.say("rows_state"),
        value: (row) => language.say(`rows_state_${row.state}`),
      },
      {
        title: language.say("rows_source"),
        value: (/** @type {ListedCoupon} */ row) => row.source,
      },
      {
        title: language.say("rows_created_at"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after, { from, to, batch_id, campaign_id, source }) => {
      const query = { limit: 50, after, from, to, batch_id, campaign_id, source };
      const { coupons, next } = await host.api.listCoupons(query);
      return { rows: coupons, next };
    },
  });
}
