// @ts-check
/** The form above a report: which one, divided by what, of which days, gross or net. It stands in the address. */

import { h } from "/sdk/element/dom.js";
import { DIVISIONS, REPORTS } from "./report-view.js";

/** @import { Host } from "../shared/host.js" */
/** @import { Asked } from "./report-view.js" */

/** @param {Host} host @param {Asked} asked */
export function reportForm(host, asked) {
  const { language } = host;
  const choice = (
    /** @type {"report"|"by"|"part"} */ name,
    /** @type {readonly string[]} */ values,
  ) =>
    h(
      "label",
      { class: "field" },
      language.say(`reports_${name}`),
      h(
        "select",
        { name },
        ...values.map((value) =>
          h("option", { value, selected: value === asked[name] }, language.say(`${name}_${value}`)),
        ),
      ),
    );
  const day = (/** @type {"from"|"to"} */ name) =>
    h(
      "label",
      { class: "field" },
      language.say(`reports_${name}`),
      h("input", { type: "date", name, value: asked[name], required: true }),
    );
  const form = h(
    "form",
    { class: "office-filters" },
    choice("report", REPORTS),
    choice("by", DIVISIONS),
    day("from"),
    day("to"),
    choice("part", ["net", "gross"]),
    h("button", { class: "plain-button", type: "submit" }, language.say("office_filter")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = Object.fromEntries(
      [...new FormData(form)].map(([name, of]) => [name, String(of)]),
    );
    // Another report has other figures.
    const figure = chosen.report === asked.report ? asked.figure : "";
    host.go({ page: "reports", filters: { ...chosen, figure } });
  });
  return form;
}
