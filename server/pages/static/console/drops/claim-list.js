// @ts-check
/** Who claimed one drop: the curve, a list and all of it as CSV. Part of a room's history. */

import { errorText } from "/sdk/texts.js";
import { fill, h } from "/sdk/element/dom.js";
import { dateText } from "/sdk/element/value.js";
import { asApiError } from "../../shared/api-errors.js";
import { claimCurve } from "./claim-curve.js";
import { csvText } from "../csv.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").DropClaim} DropClaim */
/** @typedef {import("/sdk/shapes.js").DropReport} DropReport */

const PAGE = 200;
const LISTED = 100;

/**
 * @param {Element} place
 * @param {DropReport} drop
 * @param {import("/sdk/api.js").Api} api
 * @param {Language} language
 */
export async function showClaims(place, drop, api, language) {
  fill(place, h("p", { class: "hint", role: "status" }, language.say("reading")));
  try {
    const claims = await allClaims(drop, api);
    fill(place, ...nodes(drop, claims, language));
  } catch (error) {
    const { code, facts } = asApiError(error);
    fill(
      place,
      h("p", { class: "trouble", role: "alert" }, errorText(code, language.current, facts)),
    );
  }
}

/** Return the claims of the drop, first win first: at most as many as it has units, page by page.
 * @param {DropReport} drop @param {import("/sdk/api.js").Api} api */
async function allClaims({ room, id }, api) {
  /** @type {DropClaim[]} */
  const found = [];
  let after = "";
  do {
    const page = await api.dropClaims(room, id, { limit: PAGE, ...(after ? { after } : {}) });
    found.push(...page.claims);
    after = page.next ?? "";
  } while (after);
  return found.reverse();
}

/** @param {DropReport} drop @param {DropClaim[]} claims @param {Language} language */
function nodes(drop, claims, language) {
  const title = h("h3", null, language.say("who_claimed", { name: drop.name }));
  if (claims.length === 0) return [title, h("p", { class: "hint" }, language.say("nobody"))];
  const times = claims.map(({ won_at }) => Date.parse(won_at));
  const opened = Date.parse(drop.opens_at ?? "") || Math.min(...times.slice(0, 1));
  const span = Math.max(0, Math.ceil((times[times.length - 1] - opened) / 1000));
  const words = language.say("curve", { n: claims.length, span });
  return [
    title,
    claimCurve(times, opened, words),
    h("p", { class: "hint" }, words),
    csvLink(drop, claims, language),
    table(claims, language),
    claims.length > LISTED &&
      h("p", { class: "hint" }, language.say("first_n", { n: LISTED, all: claims.length })),
  ].filter((node) => node !== false);
}

/** @param {DropReport} drop @param {DropClaim[]} claims @param {Language} language */
function csvLink({ id }, claims, language) {
  const head = ["student", "state", "won_at", "confirmed_at"];
  const rows = claims.map((one) => [one.student, one.state, one.won_at, one.confirmed_at ?? ""]);
  const file = new Blob([csvText([head, ...rows])], { type: "text/csv" });
  const link = h("a", { href: URL.createObjectURL(file), download: `${id}.csv` });
  link.append(language.say("csv"));
  return link;
}

/** @param {DropClaim[]} claims @param {Language} language */
function table(claims, language) {
  const head = ["col_student", "col_state", "col_won"].map((key) =>
    h("th", { scope: "col" }, language.say(key)),
  );
  const rows = claims
    .slice(0, LISTED)
    .map(({ student, state, won_at }) =>
      h(
        "tr",
        null,
        h("td", null, student),
        h("td", null, language.say(`claim_${state}`)),
        h("td", null, dateText(won_at, language.current)),
      ),
    );
  return h(
    "div",
    { class: "scroll", tabindex: "0" },
    h("table", null, h("thead", null, h("tr", null, ...head)), h("tbody", null, ...rows)),
  );
}
