// @ts-check
/** The drops that run now, in all rooms: what the desk counts beside what the ledger has, read again while it shows. */

import { fill, h, setText } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { addressOf } from "../shared/address.js";
import { liveMessages } from "./messages-live.js";
import { table } from "../shared/table.js";

/** @import { DropReport, DropReports } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

const AGAIN_MS = 3000;
const SHOWN = 20;
const MOST_WAITED = 20; // times, for the other parts of the page
const COLUMNS = /** @type {const} */ ([
  "drop",
  "room",
  "state",
  "remaining",
  "claimed",
  "confirmed",
  "redeemed",
  "gmv",
  "present",
]);

/** @param {Host} host @returns {Promise<HTMLElement>} */
export async function liveDropsPart(host) {
  const { api, language } = host;
  language.add(liveMessages);
  const content = h("div", { class: "office-section" });
  const problem = h("p", { class: "hint", role: "status" });
  const part = h(
    "section",
    { class: "panel office-section" },
    h("h3", null, language.say("live_title")),
    content,
    problem,
  );
  let shown = "";
  let wasShown = false;
  let waited = 0;
  const read = async () => {
    const found = await api.liveDrops({ limit: SHOWN });
    // A table that is replaced loses its scroll and focus: only where something has changed.
    const text = JSON.stringify(found);
    if (text !== shown) fill(content, ...drops(host, found));
    shown = text;
  };
  const again = async () => {
    if (part.isConnected) wasShown = true;
    else if (wasShown || ++waited > MOST_WAITED) return; // another page is open
    if (document.visibilityState === "visible")
      try {
        await read();
        setText(problem, "");
      } catch {
        setText(problem, language.say("live_old"));
      }
    setTimeout(() => void again(), AGAIN_MS);
  };
  await read();
  setTimeout(() => void again(), AGAIN_MS);
  return part;
}

/** @param {Host} host @param {DropReports} found */
function drops(host, { drops: running, next }) {
  const { language } = host;
  if (running.length === 0) return [h("p", { class: "office-empty" }, language.say("live_none"))];
  const titles = COLUMNS.map((name) => language.say(`live_${name}`));
  const rows = running.map((drop) => cells(host, drop));
  return [
    table(language.say("live_title"), titles, rows),
    h("p", { class: "hint" }, language.say("live_hint")),
    next && h("p", { class: "hint" }, language.say("live_more")),
  ].filter((node) => node instanceof Node);
}

/** @param {Host} host @param {DropReport} drop */
const cells = ({ language }, drop) => [
  h("a", { href: addressOf({ page: "coupons", id: drop.batch_id }) }, drop.name),
  drop.room,
  language.say(`live_state_${drop.state}`),
  `${drop.remaining} / ${drop.quantity}`,
  drop.claimed,
  drop.confirmed,
  drop.redeemed,
  money(drop.gmv, drop.currency, language.current, true),
  drop.present,
];
