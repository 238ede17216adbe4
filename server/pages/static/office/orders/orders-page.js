// @ts-check
/** Orders: the list, and one order with the price's lines, its coupons and its refunds. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { detail, idLink } from "../shared/detail.js";
import { list } from "../shared/list.js";
import { metadataNode } from "../shared/metadata.js";
import { officeOrderMessages } from "./messages-office-orders.js";
import { refundPart } from "./refund-part.js";
import { stateLinks } from "./state-links.js";
import { timeText } from "../shared/time-text.js";

/** @import { OrderRecord } from "/sdk/shapes.js" */
/** @import { Column } from "../shared/list.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

const STATES = /** @type {const} */ (["locked", "redeemed", "cancelled", "expired"]);
const FILTERS = /** @type {const} */ (["student", "batch_id", "from", "to"]);

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(officeOrderMessages);
  if (view.id) return orderPage(host, await host.api.getOrder(view.id));
  return h(
    "div",
    { class: "office-section" },
    stateLinks(host, view, STATES, "order"),
    orderList(host, view),
  );
}

/** @param {Host} host @param {OfficeView} view */
function orderList(host, view) {
  const { language } = host;
  const say = (/** @type {string} */ key) => language.say(key);
  const sum = sumIn(host);
  return list(host, view, {
    caption: say("orders_caption"),
    link: (row) => row.order_id,
    filters: [
      { name: "student", label: say("order_student") },
      { name: "batch_id", label: say("order_batch") },
      { name: "from", label: say("order_from"), type: "date" },
      { name: "to", label: say("order_to"), type: "date" },
    ],
    columns: [
      { title: say("order_number"), value: (row) => row.order_id },
      {
        title: say("order_student"),
        value: (row) => row.student,
        show: (row) => idLink("students", row.student),
      },
      { title: say("order_state_title"), value: (row) => say(`order_${row.state}`) },
      sum("order_discount", (row) => [row.discount, row.currency]),
      sum("order_payable", (row) => [row.payable, row.currency]),
      sum("order_refunded", (row) => [row.refunded || undefined, row.currency]),
      {
        title: say("order_created"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after, filters) => {
      const wanted = FILTERS.filter((name) => filters[name]).map((name) => [name, filters[name]]);
      const state = STATES.find((each) => each === filters.state);
      const { orders, next } = await host.api.listOrders({
        ...Object.fromEntries(wanted),
        ...(state && { state }),
        limit: 50,
        after,
      });
      return { rows: orders, next };
    },
    empty: h("p", null, say("orders_empty")),
  });
}

/** @param {Host} host @param {OrderRecord} record */
function orderPage(host, record) {
  const { language } = host;
  const say = (/** @type {string} */ key) => language.say(key);
  const { redemption } = record;
  const text = (/** @type {number} */ minor) =>
    money(minor, redemption.currency, language.current, true);
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, record.order_id),
    detail([
      [say("order_state_title"), say(`order_${redemption.state}`)],
      [say("order_student"), idLink("students", redemption.student)],
      [say("order_list_total"), text(record.list_total)],
      [say("order_subtotal"), text(redemption.subtotal)],
      [say("order_discount"), text(redemption.discount)],
      [say("order_balance"), redemption.balance ? text(redemption.balance) : ""],
      [say("order_payable"), text(redemption.payable)],
      [say("order_refunded"), redemption.refunded ? text(redemption.refunded) : ""],
      [say("order_payment_ref"), redemption.payment_ref],
      [say("order_created"), timeText(host, redemption.created_at)],
      [say("order_paid_at"), timeText(host, redemption.paid_at)],
      [
        say("order_expires"),
        redemption.state === "locked" && timeText(host, redemption.expires_at),
      ],
      [say("order_redemption"), redemption.id],
    ]),
    metadataNode(host, redemption.metadata),
    part(host, record, "order_lines", record.lines, lineColumns(host, redemption.currency)),
    part(host, record, "order_coupons", record.coupons, couponColumns(host, redemption.currency)),
    redemption.refunds.length > 0 &&
      part(host, record, "order_refunds", redemption.refunds, [
        { title: say("order_refund_id"), value: (row) => row.refund_id },
        {
          title: say("order_refund_sum"),
          value: (row) => text(row.refunded),
          isNumber: true,
        },
        {
          title: say("order_refund_at"),
          value: (row) => row.created_at,
          show: (row) => timeText(host, row.created_at),
        },
      ]),
    redemption.state === "redeemed" && refundPart(host, record),
  );
}

/**
 * @template T
 * @param {Host} host @param {OrderRecord} record @param {string} title @param {readonly T[]} rows
 * @param {Column<T>[]} columns
 */
function part(host, record, title, rows, columns) {
  const caption = host.language.say(title);
  return h(
    "section",
    { class: "office-section" },
    h("h4", null, caption),
    list(
      host,
      { page: "orders", id: record.order_id, filters: {} },
      {
        caption,
        columns,
        load: async () => ({ rows: [...rows], next: null }),
        empty: h("p", null, host.language.say("order_no_coupons")),
      },
    ),
  );
}

/** @param {Host} host @param {string} currency @returns {Column<OrderRecord["lines"][number]>[]} */
function lineColumns(host, currency) {
  const { language } = host;
  const sum = sumIn(host);
  return [
    { title: language.say("order_line"), value: (row) => row.id },
    { title: language.say("order_course"), value: (row) => row.course ?? row.kind },
    { title: language.say("order_quantity"), value: (row) => row.quantity, isNumber: true },
    sum("order_list", (row) => [row.list_price, currency]),
    sum("order_unit", (row) => [row.unit_price, currency]),
    sum("order_discount", (row) => [row.discount, currency]),
    sum("order_payable", (row) => [row.payable, currency]),
    sum("order_refunded", (row) => [row.refunded || undefined, currency]),
    { title: language.say("order_returned"), value: (row) => row.returned || "", isNumber: true },
  ];
}

/** @param {Host} host @param {string} currency @returns {Column<OrderRecord["coupons"][number]>[]} */
const couponColumns = (host, currency) => [
  {
    title: host.language.say("order_code"),
    value: (row) => row.coupon.code,
    show: (row) => idLink("find", row.coupon.code),
  },
  { title: host.language.say("order_coupon"), value: (row) => row.coupon.template.name },
  sumIn(host)("order_discount", (row) => [row.discount, currency]),
];

/** @param {Host} host */
const sumIn =
  ({ language }) =>
  /**
   * @template T
   * @param {string} title @param {(row: T) => [number|undefined, string]} of minor units and currency
   * @returns {Column<T>}
   */
  (title, of) => ({
    title: language.say(title),
    value: (row) => {
      const [minor, currency] = of(row);
      return minor === undefined ? "" : money(minor, currency, language.current, true);
    },
    isNumber: true,
  });
