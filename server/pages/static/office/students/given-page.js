// @ts-check
/** All coupons that lie, or lay, in a wallet: filtered, as CSV, each with a link to its history. */

import { h } from "/sdk/element/dom.js";
import { idLink } from "../shared/detail.js";
import { list } from "../shared/list.js";
import { stateLinks } from "../orders/state-links.js";
import { timeText } from "../shared/time-text.js";
import { findMessages } from "./messages-find.js";
import { givenMessages } from "./messages-given.js";

/** @import { ListedCoupon } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

const STATES = /** @type {const} */ ([
  "usable",
  "locked",
  "redeemed",
  "expired",
  "released",
  "revoked",
]);
const SOURCES = [
  "claim",
  "link",
  "qr",
  "list",
  "api",
  "audience",
  "import",
  "trigger",
  "lottery",
  "offer",
];
const FILTERS = /** @type {const} */ ([
  "student",
  "batch_id",
  "campaign_id",
  "source",
  "from",
  "to",
]);

/** @param {Host} host @param {OfficeView} view */
export function open(host, view) {
  host.language.add(findMessages);
  host.language.add(givenMessages);
  return h(
    "div",
    { class: "office-section" },
    stateLinks(host, view, STATES, "coupon"),
    couponList(host, view),
  );
}

/** @param {Host} host @param {OfficeView} view */
function couponList(host, view) {
  const say = (/** @type {string} */ key) => host.language.say(key);
  return list(host, view, {
    caption: say("given_caption"),
    filters: FILTERS.map((name) => ({
      name,
      label: say(`given_${name}`),
      type: name === "from" || name === "to" ? "date" : "text",
      ...(name === "source" && {
        choices: ["", ...SOURCES].map((each) => [
          each,
          say(each ? `source_${each}` : "office_all"),
        ]),
      }),
    })),
    columns: [
      {
        title: say("coupon_code"),
        value: (/** @type {ListedCoupon} */ row) => row.code,
        show: (row) => idLink("find", row.code),
      },
      { title: say("find_name"), value: (row) => row.name },
      {
        title: say("find_student"),
        value: (row) => row.student,
        show: (row) => row.student && idLink("students", row.student),
      },
      { title: say("find_state"), value: (row) => say(`coupon_${row.state}`) },
      { title: say("coupon_source"), value: (row) => say(`source_${row.source}`) },
      {
        title: say("coupon_batch"),
        value: (row) => row.batch_id,
        show: (row) => idLink("coupons", row.batch_id),
      },
      {
        title: say("coupon_order"),
        value: (row) => row.order_id,
        show: (row) => row.order_id && idLink("orders", row.order_id),
      },
      {
        title: say("coupon_use_by"),
        value: (row) => row.use_by,
        show: (row) => timeText(host, row.use_by),
      },
      {
        title: say("coupon_created"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after, filters) => {
      const wanted = FILTERS.filter((name) => filters[name]).map((name) => [name, filters[name]]);
      const state = STATES.find((each) => each === filters.state);
      const { coupons, next } = await host.api.listCoupons({
        ...Object.fromEntries(wanted),
        ...(state && { state }),
        limit: 50,
        after,
      });
      return { rows: coupons, next };
    },
    empty: h("p", null, say("given_empty")),
  });
}
