// @ts-check
/** Today: what somebody must look at, with the act that mends it, and the sums and rooms of the day. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "../shared/address.js";
import { alertPart } from "./alert-part.js";
import { chart } from "../reports/chart.js";
import { liveDropsPart } from "./live-drops.js";
import { messagesToday } from "./messages-today.js";
import { figureText } from "../reports/report-view.js";
import { dayOf } from "../shared/school-time.js";
import { trouble } from "../shared/trouble.js";

/** @import { Report } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

/** @type {readonly (readonly [figure: string, unit: "count"|"money"])[]} */
const SUMS = [
  ["issued", "count"],
  ["claimed", "count"],
  ["used", "count"],
  ["gmv", "money"],
  ["cost", "money"],
];

/** @param {Host} host */
export async function open(host) {
  host.language.add(messagesToday);
  const today = dayOf(Date.now());
  const parts = await Promise.all([
    shown(host, async () => alertPart(host, await host.api.listAlerts({ limit: 50 }))),
    shown(host, async () => liveDropsPart(host)),
    shown(host, async () => sums(host, today, await host.api.reportCoupons(today, today))),
    shown(host, async () =>
      rooms(host, await host.api.reportCoupons(today, today, "room", { limit: 20 })),
    ),
  ]);
  return h("div", { class: "office-section" }, ...parts);
}

/** A part that fails takes no other with it. @param {Host} host @param {() => Promise<Node>} make */
async function shown(host, make) {
  try {
    return await make();
  } catch (fault) {
    return trouble(host, fault);
  }
}

/** @param {Host} host @param {string} today @param {Report} report */
function sums({ language }, today, { totals }) {
  const filters = { by: "hour", from: today, to: today };
  const card = (
    /** @type {Report["totals"][number]} */ total,
    /** @type {string} */ name,
    /** @type {"count"|"money"} */ unit,
  ) =>
    h(
      "div",
      null,
      h("dt", null, language.say(`today_${name}`)),
      h(
        "dd",
        { class: "figure" },
        h(
          "a",
          { href: addressOf({ page: "reports", filters: { ...filters, figure: name } }) },
          figureText(unit, total.figures[name]?.net, total.currency, language.current),
        ),
      ),
    );
  return h(
    "section",
    { class: "panel stack" },
    h("h3", null, language.say("today_sums")),
    totals.length === 0 && h("p", { class: "office-empty" }, language.say("today_no_sums")),
    ...totals.map((total) =>
      h("dl", { class: "figures" }, ...SUMS.map(([name, unit]) => card(total, name, unit))),
    ),
  );
}

/** @param {Host} host @param {Report} report */
function rooms(host, { rows }) {
  const { language } = host;
  const valueOf = (/** @type {Report["rows"][number]} */ row) => row.figures.claimed?.net ?? 0;
  const greatest = [...rows].sort((a, b) => valueOf(b) - valueOf(a));
  return chart(host, {
    kind: "bars",
    label: language.say("today_rooms"),
    axis: language.say("today_room"),
    names: greatest.map(({ key }) => key),
    series: [{ name: language.say("today_claimed"), values: greatest.map(valueOf) }],
    format: (value) => figureText("count", value, "", language.current),
    isWhole: true,
  });
}
