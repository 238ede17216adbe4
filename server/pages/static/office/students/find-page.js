// @ts-check
/** Find: what one text names, each with the page that it leads to; and one coupon with its history. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "../shared/address.js";
import { detail, idLink } from "../shared/detail.js";
import { askReason } from "../shared/dialog.js";
import { list } from "../shared/list.js";
import { findMessages } from "./messages-find.js";
import { pagesOf } from "../pages.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";

/** @import { CouponRecord, Found } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** The page of each kind; one that the office does not have yet, or the role does not see, is no link. */
const PAGES = /** @type {Partial<Record<Found["kind"], string>>} */ ({
  student: "students",
  order: "orders",
  coupon: "find",
  campaign: "campaigns",
  price_rule: "price-rules",
  approval: "approvals",
  batch: "coupons",
  template: "coupons",
  issuance: "sends",
  audience: "audiences",
  trigger: "triggers",
  pack: "packs",
  lottery: "lotteries",
  experiment: "experiments",
  webhook: "webhooks",
  alert: "today",
});

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  const { language } = host;
  language.add(findMessages);
  if (view.id) return couponPage(host, await host.api.getCoupon(view.id));
  const q = view.filters.q?.trim() ?? "";
  if (!q) return h("p", { class: "office-empty" }, language.say("find_hint"));
  const { found } = await host.api.find(q);
  const only = found.length === 1 && addressOfFound(host, found[0]);
  if (only) location.replace(only); // "back" leads to where the text was typed
  return list(host, view, {
    caption: language.say("find_caption"),
    columns: [
      { title: language.say("find_kind"), value: (row) => language.say(`kind_${row.kind}`) },
      {
        title: language.say("find_id"),
        value: (row) => row.code ?? row.id,
        show: (row) => linkOf(host, row),
      },
      { title: language.say("find_name"), value: (row) => row.name },
      {
        title: language.say("find_state"),
        value: (row) => row.state,
        show: (row) => stateText(host, row),
      },
      {
        title: language.say("find_student"),
        value: (row) => row.student,
        show: (row) => row.student && idLink("students", row.student),
      },
    ],
    load: async () => ({ rows: found, next: null }),
    empty: h("p", null, language.say("find_nothing", { q })),
  });
}

/** @param {Host} host @param {Found} row */
function linkOf(host, row) {
  const href = addressOfFound(host, row);
  const text = row.code ?? row.id;
  return href ? h("a", { href }, text) : text;
}

/** @param {Host} host @param {Found} row @returns {string|undefined} */
function addressOfFound(host, row) {
  const page = PAGES[row.kind];
  if (row.kind === "room" && host.mayWrite) return `/console/${encodeURIComponent(row.id)}`;
  if (!page || !pagesOf(host.role).some(({ name }) => name === page)) return undefined;
  return addressOf({ page, id: row.code ?? row.id });
}

/** @param {Host} host @param {Found} row */
const stateText = ({ language }, row) =>
  row.state && row.kind === "coupon" ? language.say(`coupon_${row.state}`) : row.state;

/** @param {Host} host @param {CouponRecord} coupon */
function couponPage(host, coupon) {
  const { language } = host;
  const say = (/** @type {string} */ key) => language.say(key);
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, coupon.template.name),
    detail([
      [say("coupon_code"), h("code", null, coupon.code)],
      [say("find_state"), say(`coupon_${coupon.state}`)],
      [say("find_student"), coupon.student && idLink("students", coupon.student)],
      [say("coupon_source"), say(`source_${coupon.source}`)],
      [
        say("coupon_batch"),
        host.role === "support" ? coupon.batch_id : idLink("coupons", coupon.batch_id),
      ],
      [say("coupon_drop"), coupon.drop_id],
      [say("coupon_valid_from"), timeText(host, coupon.valid_from)],
      [say("coupon_use_by"), timeText(host, coupon.use_by)],
      [say("coupon_created"), timeText(host, coupon.created_at)],
      [say("coupon_used_at"), timeText(host, coupon.redeemed_at)],
      [say("find_id"), coupon.id],
    ]),
    h("h4", null, say("coupon_history")),
    historyOf(host, coupon),
    host.mayWrite && isOpen(coupon) && voidButton(host, coupon.code),
  );
}

/** @param {Host} host @param {CouponRecord} coupon */
function historyOf(host, coupon) {
  const { language } = host;
  return list(
    host,
    { page: "find", id: coupon.code, filters: {} },
    {
      caption: language.say("coupon_history"),
      columns: [
        {
          title: language.say("coupon_at"),
          value: (move) => move.at,
          show: (move) => timeText(host, move.at),
        },
        {
          title: language.say("coupon_event"),
          value: (move) => language.say(`event_${move.event}`),
        },
        {
          title: language.say("coupon_order"),
          value: (move) => move.order_id,
          show: (move) => move.order_id && idLink("orders", move.order_id),
        },
      ],
      load: async () => ({ rows: coupon.history, next: null }),
      empty: h("p", null, language.say("coupon_no_history")),
    },
  );
}

/** @param {{state: string}} coupon */
const isOpen = ({ state }) => state === "usable" || state === "expired";

/** @param {Host} host @param {string} code */
export function voidButton(host, code) {
  const { language } = host;
  language.add(findMessages);
  const problem = h("div");
  const press = async () => {
    const yes = language.say("coupon_void");
    const reason = await askReason(host, language.say("coupon_void_ask", { code }), yes);
    if (reason === null) return;
    try {
      await host.api.voidCoupon(code, reason);
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  return h(
    "div",
    null,
    h(
      "button",
      { class: "plain-button danger", type: "button", onclick: () => void press() },
      language.say("coupon_void"),
    ),
    problem,
  );
}
