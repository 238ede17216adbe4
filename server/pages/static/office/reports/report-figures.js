// @ts-check
/** The totals of a report: each figure, gross and net, with its definition and a way to its rows. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "../shared/address.js";
import { figureText, MAIN, rowsAddress } from "./report-view.js";

/** @import { ReportDefinition, ReportFigure, ReportRow } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */
/** @import { Asked } from "./report-view.js" */

/** @param {Host} host @param {string} name */
export function figureTitle({ language }, name) {
  if (name.startsWith("issued_"))
    return language.say("figure_issued_by", { source: name.slice("issued_".length) });
  return language.say(`figure_${name}`);
}

/** @param {Host} host @param {Asked} asked @param {ReportRow} total @param {readonly ReportDefinition[]} definitions */
export function totalPart(host, asked, total, definitions) {
  const { language } = host;
  const main = definitions.filter(({ name }) => MAIN[asked.report].includes(name));
  // Of the many sources those that gave something.
  const rest = definitions.filter(
    ({ name }) => !main.some((one) => one.name === name) && total.figures[name]?.gross,
  );
  const card = (/** @type {ReportDefinition} */ one) =>
    figureCard(host, asked, one, total.figures[one.name], total.currency);
  return h(
    "section",
    { class: "panel stack" },
    h("h3", null, language.say("reports_total", { currency: total.currency })),
    h("dl", { class: "figures" }, ...main.map(card)),
    rest.length > 0 &&
      h(
        "details",
        null,
        h("summary", null, language.say("reports_more")),
        h("dl", { class: "figures" }, ...rest.map(card)),
      ),
  );
}

/** @param {Host} host @param {Asked} asked @param {ReportDefinition} definition @param {ReportFigure|undefined} figure @param {string} currency */
function figureCard(host, asked, definition, figure, currency) {
  const { language } = host;
  const { name, unit, formula } = definition;
  const other = asked.part === "net" ? "gross" : "net";
  const text = (/** @type {"gross"|"net"} */ part) =>
    figureText(unit, figure?.[part], currency, language.current);
  const rows = figure?.[asked.part] ? rowsAddress(asked, name, null) : null;
  const shown = addressOf({ page: "reports", filters: { ...asked, figure: name } });
  return h(
    "div",
    null,
    h("dt", null, figureTitle(host, name)),
    h(
      "dd",
      { class: "figure" },
      rows ? h("a", { href: rows }, text(asked.part)) : text(asked.part),
    ),
    h("dd", { class: "hint" }, `${language.say(`part_${other}`)} ${text(other)}`),
    h(
      "dd",
      null,
      h(
        "a",
        { href: shown, "aria-current": asked.figure === name && "true" },
        language.say("reports_show"),
      ),
    ),
    h(
      "dd",
      null,
      h(
        "details",
        { class: "definition" },
        h("summary", null, language.say("reports_definition")),
        h("p", null, definition[language.current]),
        h("code", null, `${name} = ${formula}`),
      ),
    ),
  );
}
