// @ts-check
/** Reports: totals with their definitions, a chart, and rows by day, batch, room and others. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "../shared/address.js";
import { chart } from "./chart.js";
import { saveFile } from "../shared/csv.js";
import { list } from "../shared/list.js";
import { liveDropsPart } from "../today/live-drops.js";
import { reportMessages } from "./messages-reports.js";
import { figureTitle, totalPart } from "./report-figures.js";
import { reportForm } from "./report-form.js";
import { rowsPage } from "./report-rows.js";
import { askedOf, chartOf, figureText, MAIN, rowsAddress } from "./report-view.js";
import { dayOf } from "../shared/school-time.js";
import { trouble } from "../shared/trouble.js";

/** @import { Report, ReportDefinition, ReportRow } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */
/** @import { Asked } from "./report-view.js" */

const MOST = 1000; // rows of a chart; the list goes on from there

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(reportMessages);
  if (view.id === "orders" || view.id === "coupons") return rowsPage(host, view, view.id);
  const asked = askedOf(view.filters, Date.now());
  const today = dayOf(Date.now());
  const content = h("div", { class: "office-section" }, reportForm(host, asked));
  try {
    const [report, { definitions }] = await Promise.all([
      read(host, asked),
      host.api.reportDefinitions(),
    ]);
    const of = definitions.filter((one) => one.report === asked.report);
    if (asked.from <= today && today <= asked.to) {
      content.append(await liveDropsPart(host).catch((fault) => trouble(host, fault)));
    }
    content.append(...parts(host, view, asked, report, of));
  } catch (fault) {
    content.append(trouble(host, fault)); // the form stays: the days may be too many
  }
  return content;
}

/** @param {Host} host @param {Asked} asked @param {string} [after] @returns {Promise<Report>} */
function read({ api }, { report, from, to, by }, after) {
  const page = { limit: after ? 50 : MOST, after };
  if (report === "orders") return api.reportOrders(from, to, by, page);
  return report === "courses"
    ? api.reportCourses(from, to, by, page)
    : api.reportCoupons(from, to, by, page);
}

/**
 * @param {Host} host @param {OfficeView} view @param {Asked} asked @param {Report} report
 * @param {readonly ReportDefinition[]} definitions
 */
function parts(host, view, asked, report, definitions) {
  const { language } = host;
  const totals = asked.report === "courses" ? [] : report.totals;
  return [
    ...totals.map((total) => totalPart(host, asked, total, definitions)),
    chartPart(host, asked, report, definitions),
    asked.report === "coupons" && totals.length > 0 && funnel(host, asked, totals[0]),
    comparison(host, report),
    h("p", { class: "hint" }, language.say("reports_counts")),
    filePart(host, asked),
    rowList(host, view, asked, report, definitions),
    asked.report === "courses" && wordsOf(host, definitions),
  ].filter((part) => part instanceof Node);
}

/** @param {Host} host @param {Asked} asked @param {Report} report @param {readonly ReportDefinition[]} definitions */
function chartPart(host, asked, { rows }, definitions) {
  const { language } = host;
  const definition = definitions.find(({ name }) => name === asked.figure) ?? definitions[0];
  const figure = definition.name;
  const data = chartOf(rows, { ...asked, figure });
  const currency = rows[0]?.currency ?? "";
  const title = figureTitle(host, figure);
  return chart(host, {
    ...data,
    series:
      data.series.length > 1 ? data.series : data.series.map((one) => ({ ...one, name: title })),
    label: language.say("reports_chart", {
      figure: title,
      part: language.say(`part_${asked.part}`),
    }),
    axis: language.say(`by_${asked.by}`),
    isWhole: definition.unit !== "ratio",
    format: (value) => figureText(definition.unit, value, currency, language.current),
  });
}

/** @param {Host} host @param {Asked} asked @param {ReportRow} total */
function funnel(host, { part }, { figures }) {
  const { language } = host;
  const steps = ["reached", "claimed", "used"];
  return chart(host, {
    kind: "funnel",
    label: language.say("reports_funnel"),
    axis: language.say("reports_step"),
    names: steps.map((name) => figureTitle(host, name)),
    series: [
      {
        name: language.say(`part_${part}`),
        values: steps.map((name) => figures[name]?.[part] ?? null),
      },
    ],
    format: (value) => figureText("count", value, "", language.current),
  });
}

/** @param {Host} host @param {Report} report */
function comparison({ language }, { comparison: found }) {
  const known = found.filter(({ average }) => average !== null);
  if (known.length === 0) return null;
  const text = (/** @type {number|null} */ value, /** @type {string} */ currency) =>
    figureText("money", value, currency, language.current);
  return h(
    "section",
    { class: "panel stack" },
    h("h3", null, language.say("comparison_title")),
    ...known.map(({ average, average_without, currency, orders, strata }) =>
      h(
        "p",
        null,
        language.say("comparison_text", {
          average: text(average, currency),
          without: text(average_without, currency),
          orders,
          strata,
        }),
      ),
    ),
  );
}

/** @param {Host} host @param {OfficeView} view @param {Asked} asked @param {Report} report @param {readonly ReportDefinition[]} definitions */
function rowList(host, view, asked, report, definitions) {
  const { language } = host;
  const shown = definitions.filter(({ name }) => MAIN[asked.report].includes(name));
  let isFirst = true;
  return list(host, view, {
    caption: language.say("reports_caption"),
    columns: [
      {
        title: language.say(`by_${asked.by}`),
        value: (row) => row.key,
        show: (row) => keyLink(asked, row.key),
      },
      ...(asked.report === "courses"
        ? [
            {
              title: language.say("reports_course"),
              value: (/** @type {ReportRow} */ row) => row.course,
            },
          ]
        : []),
      { title: language.say("reports_currency"), value: (row) => row.currency },
      ...shown.map(({ name, unit }) => ({
        title: figureTitle(host, name),
        value: (/** @type {ReportRow} */ row) => row.figures[name]?.[asked.part],
        show: (/** @type {ReportRow} */ row) => {
          const value = row.figures[name]?.[asked.part];
          const text = figureText(unit, value, row.currency, language.current);
          const rows = value ? rowsAddress(asked, name, row.key) : null;
          return rows ? h("a", { href: rows }, text) : text;
        },
        isNumber: true,
      })),
    ],
    load: async (after) => {
      const page = isFirst ? report : await read(host, asked, after);
      isFirst = false;
      return page;
    },
    empty: h("p", null, language.say("reports_empty")),
  });
}

/** The whole report as a file that the server makes; the list's own button saves what it has read.
 * @param {Host} host @param {Asked} asked */
function filePart(host, { report, from, to, by }) {
  const { language } = host;
  const problem = h("div");
  const button = h(
    "button",
    { class: "plain-button", type: "button", onclick: () => void save() },
    language.say("reports_file"),
  );
  const save = async () => {
    button.disabled = true;
    try {
      const text = await host.api.reportFile(report, from, to, by);
      saveFile(`report_${report}_${by}_${from}_${to}.csv`, text);
      problem.replaceChildren();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
    button.disabled = false;
  };
  return h("div", { class: "stack" }, problem, h("div", { class: "office-row" }, button));
}

/** A day leads to its hours, a campaign to its page. @param {Asked} asked @param {string} key */
function keyLink(asked, key) {
  if (asked.by === "campaign")
    return h("a", { href: addressOf({ page: "campaigns", id: key }) }, key);
  if (asked.by !== "day") return key;
  const filters = { ...asked, by: "hour", from: key, to: key };
  return h("a", { href: addressOf({ page: "reports", filters }) }, key);
}

/** @param {Host} host @param {readonly ReportDefinition[]} definitions */
const wordsOf = (host, definitions) =>
  h(
    "dl",
    { class: "office-facts" },
    ...definitions.map((one) =>
      h(
        "div",
        null,
        h("dt", null, figureTitle(host, one.name)),
        h(
          "dd",
          null,
          one[host.language.current],
          " ",
          h("code", null, `${one.name} = ${one.formula}`),
        ),
      ),
    ),
  );
