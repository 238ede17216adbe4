// @ts-check
/** The result of an experiment: a table of what each group did, and each difference as a bar on its scale. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { placeOf, WIDTH } from "./experiment-values.js";

/** @import { ExperimentGroup, ExperimentInterval, ExperimentResult } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */
/** @typedef {Map<string|null, string>} Names of batches, by their ids */

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 24;

/** @param {Host} host @param {ExperimentResult} found @param {Names} names */
export function figuresPart(host, found, names) {
  const { language } = host;
  const amount = (/** @type {number} */ minor) => money(minor, found.currency, language.current);
  const each = (/** @type {ExperimentGroup} */ group) => {
    const of = group.per_student;
    return [
      String(group.exposed),
      ...[group.claimed, group.used].map((count) =>
        group.batch_id === null ? "–" : countText(count, group),
      ),
      countText(group.bought, group),
      String(group.orders),
      amount(group.revenue),
      of ? amount(Math.round(of.revenue)) : "–",
      amount(group.cost),
    ];
  };
  const titles = [
    ...["group", "exposed", "claimed", "used", "bought", "orders"],
    ...["revenue", "revenue_each", "cost"],
  ];
  const headOf = (/** @type {string} */ name) =>
    h(
      "th",
      { scope: "col", class: name !== "group" && "number" },
      language.say(`experiment_${name}`),
    );
  const rowOf = (/** @type {ExperimentGroup} */ group) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, names.get(group.batch_id) ?? group.batch_id),
      ...each(group).map((text) => h("td", { class: "number" }, text)),
    );
  return h(
    "div",
    {
      class: "office-scroll",
      tabindex: "0",
      role: "region",
      "aria-label": language.say("experiment_figures"),
    },
    h(
      "table",
      null,
      h("caption", { class: "spoken" }, language.say("experiment_figures")),
      h("thead", null, h("tr", null, ...titles.map(headOf))),
      h("tbody", null, ...found.figures.map(rowOf)),
    ),
  );
}

/** @param {Host} host @param {ExperimentResult} found @param {Names} names */
export function intervalsPart(host, found, names) {
  const { language } = host;
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, language.say("experiment_differences")),
    h("p", { class: "hint" }, language.say("experiment_differences_hint")),
    ...found.interval.map((one) => intervalRow(host, found, one, names)),
  );
}

/** @param {Host} host @param {ExperimentResult} found @param {ExperimentInterval} one @param {Names} names */
function intervalRow(host, found, one, names) {
  const { language } = host;
  const groups = {
    group: names.get(one.batch_id) ?? one.batch_id,
    base: names.get(one.base_batch_id) ?? "",
  };
  const colon = language.current === "zh" ? "：" : ": ";
  const title = [
    language.say(`experiment_${one.measure}`),
    language.say("experiment_against", groups),
  ].join(colon);
  const { difference, low, high } = one;
  if (difference === null || low === null || high === null)
    return h(
      "div",
      { class: "stack" },
      h("strong", null, title),
      language.say("experiment_too_few"),
    );
  const text = (/** @type {number} */ value) =>
    one.measure === "revenue"
      ? `${value > 0 ? "+" : ""}${money(Math.round(value), found.currency, language.current, true)}`
      : language.say("experiment_points", { n: points(value) });
  const verdict = one.sure
    ? low > 0
      ? "experiment_more"
      : "experiment_less"
    : "experiment_unsure";
  return h(
    "div",
    { class: "stack" },
    h("strong", null, title),
    h(
      "span",
      null,
      language.say("experiment_bounds", {
        difference: text(difference),
        low: text(low),
        high: text(high),
      }),
      " ",
      language.say(verdict),
    ),
    intervalBar({ difference, low, high }),
  );
}

/** @param {{difference: number, low: number, high: number}} bounds */
function intervalBar(bounds) {
  const known = bounds.low > 0 ? "more" : bounds.high < 0 ? "less" : "";
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", `interval ${known}`);
  svg.setAttribute("aria-hidden", "true"); // the bounds stand beside it as text
  const from = placeOf(bounds.low, bounds);
  svg.append(
    box("scale", 0, WIDTH, HEIGHT),
    box("range", from, placeOf(bounds.high, bounds) - from, HEIGHT),
    box("zero", WIDTH / 2 - 2, 4, HEIGHT),
    box("mean", placeOf(bounds.difference, bounds) - 4, 8, HEIGHT),
  );
  return svg;
}

/** @param {string} name @param {number} x @param {number} width @param {number} height */
function box(name, x, width, height) {
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("class", name);
  rect.setAttribute("x", String(x));
  rect.setAttribute("width", String(width));
  rect.setAttribute("height", String(height));
  return rect;
}

/** @param {number} count @param {ExperimentGroup} group */
const countText = (count, { exposed }) =>
  exposed ? `${count} (${percent(count / exposed)})` : String(count);

/** @param {number} part */
const percent = (part) => `${(100 * part).toFixed(1)} %`;

/** @param {number} part */
const points = (part) => `${part > 0 ? "+" : ""}${(100 * part).toFixed(1)}`;
