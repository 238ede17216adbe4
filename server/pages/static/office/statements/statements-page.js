// @ts-check
/** Statements: the days of a month or less, sealed or not, and the files that finance books from. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { saveFile } from "../shared/csv.js";
import { list } from "../shared/list.js";
import { statementMessages } from "./messages-statements.js";
import { dayOf } from "../shared/school-time.js";
import { matchPart } from "./statement-match.js";
import { trouble } from "../shared/trouble.js";

/** @import { StatementDay, StatementFormat, StatementTotals } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

const DAY_MS = 86_400_000;
const FORMATS = /** @type {const} */ (["csv", "xlsx", "ndjson"]);

/** @param {Host} host @param {OfficeView} view */
export function open(host, view) {
  host.language.add(statementMessages);
  const filters = { from: dateOf(30), to: dateOf(0), ...view.filters };
  return h(
    "div",
    { class: "office-section" },
    dayList(host, { ...view, filters }),
    downloads(host, filters),
    matchPart(host, filters),
  );
}

/** @param {Host} host @param {OfficeView} view */
function dayList(host, view) {
  const { language } = host;
  const sums = (/** @type {keyof StatementTotals} */ name) => ({
    title: language.say(`statement_${name}`),
    value: (/** @type {StatementDay} */ day) => sumText(host, day, name),
    isNumber: true,
  });
  return list(host, view, {
    caption: language.say("statements_caption"),
    filters: [
      { name: "from", label: language.say("statement_from"), type: "date" },
      { name: "to", label: language.say("statement_to"), type: "date" },
    ],
    columns: [
      { title: language.say("statement_date"), value: (day) => day.date },
      {
        title: language.say("statement_state"),
        value: (day) => language.say(day.is_sealed ? "statement_sealed" : "statement_closed"),
      },
      { title: language.say("statement_lines"), value: (day) => day.lines, isNumber: true },
      sums("paid"),
      sums("share"),
      sums("refunded"),
      {
        title: "SHA-256",
        value: (day) => day.sha256,
        show: (day) => day.sha256 && h("code", { title: day.sha256 }, day.sha256.slice(0, 12)),
      },
    ],
    load: async (_after, { from, to }) => ({
      rows: (await host.api.statementDays(from, to)).days,
      next: null,
    }),
    empty: h("p", null, language.say("statements_empty")),
  });
}

/** @param {Host} host @param {Record<string, string>} filters */
function downloads(host, { from, to }) {
  const { language } = host;
  const problem = h("div");
  const save = async (/** @type {StatementFormat} */ format) => {
    try {
      saveFile(`statement_${from}_${to}.${format}`, await host.api.statementFile(from, to, format));
      problem.replaceChildren();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  const button = (/** @type {StatementFormat} */ format) =>
    h(
      "button",
      { class: "plain-button", type: "button", onclick: () => void save(format) },
      format.toUpperCase(),
    );
  return h(
    "section",
    { class: "panel stack" },
    h("h3", null, language.say("statement_files")),
    h("p", { class: "hint" }, language.say("statement_files_hint")),
    h("div", { class: "office-row" }, ...FORMATS.map(button)),
    problem,
  );
}

/** @param {Host} host @param {StatementDay} day @param {keyof StatementTotals} name */
const sumText = (host, day, name) =>
  Object.entries(day.totals ?? {})
    .map(([currency, totals]) => money(totals[name], currency, host.language.current, true))
    .join(" + ");

/** @param {number} daysAgo @returns {string} as in 2026-03-01 */
const dateOf = (daysAgo) => dayOf(Date.now() - daysAgo * DAY_MS);
