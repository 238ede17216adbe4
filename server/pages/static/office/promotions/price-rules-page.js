// @ts-check
/** Price rules: the list, a new one, and one with the last 30 days of its courses. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { detail } from "../shared/detail.js";
import { askReason } from "../shared/dialog.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { metadataNode } from "../shared/metadata.js";
import { approvalMessages } from "./messages-approvals.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";

/** @import { PriceRule, PriceRuleFigures } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(approvalMessages);
  if (view.id) return onePage(host, await host.api.getPriceRule(view.id));
  return h("div", { class: "office-section" }, host.mayWrite && newRule(host), rules(host, view));
}

/** @param {Host} host @param {OfficeView} view */
function rules(host, view) {
  const { language } = host;
  const limit = (
    /** @type {string} */ title,
    /** @type {(row: PriceRule) => unknown} */ value,
  ) => ({
    title: language.say(title),
    value: (/** @type {PriceRule} */ row) => value(row) ?? "",
    isNumber: true,
  });
  return list(host, view, {
    caption: language.say("price_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("price_courses"), value: (row) => row.courses.join(", ") },
      limit("price_days", (row) => row.max_days_on_offer),
      limit("price_between", (row) => row.min_days_between),
      limit("price_depth", (row) => row.max_depth_percent),
      { title: language.say("price_by"), value: (row) => row.created_by },
    ],
    load: async (after) => {
      const { price_rules, next } = await host.api.listPriceRules({ limit: 50, after });
      return { rows: price_rules, next };
    },
    empty: h("p", null, language.say("price_empty")),
  });
}

/** @param {Host} host */
function newRule(host) {
  const { api, language } = host;
  const limit = (/** @type {string} */ name, /** @type {string} */ title) => ({
    name,
    label: language.say(title),
    type: /** @type {const} */ ("number"),
    hint: language.say("price_limit_hint"),
  });
  const fields = [
    {
      name: "courses",
      label: language.say("price_courses"),
      hint: language.say("price_courses_hint"),
      isRequired: true,
    },
    limit("max_days_on_offer", "price_days"),
    limit("min_days_between", "price_between"),
    limit("max_depth_percent", "price_depth"),
  ];
  const number = (/** @type {string} */ text) => (text === "" ? null : Number(text));
  return h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("price_new")),
    form(host, fields, {
      button: language.say("price_create"),
      bodyOf: (values) => ({
        courses: values.courses
          .split(/[,，\s]+/)
          .map((course) => course.trim())
          .filter(Boolean),
        max_days_on_offer: number(values.max_days_on_offer),
        min_days_between: number(values.min_days_between),
        max_depth_percent: number(values.max_depth_percent),
      }),
      send: async (body, idempotencyKey) => {
        const { id } = await api.createPriceRule(body, { idempotencyKey });
        host.go({ page: "price-rules", id });
      },
    }),
  );
}

/** @param {Host} host @param {PriceRuleFigures} rule */
function onePage(host, rule) {
  const { language } = host;
  const text = (/** @type {number|undefined} */ limit) =>
    limit === undefined ? null : String(limit);
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, rule.courses.join(", ")),
    detail([
      [language.say("price_days"), text(rule.max_days_on_offer)],
      [language.say("price_between"), text(rule.min_days_between)],
      [language.say("price_depth"), text(rule.max_depth_percent)],
      [language.say("price_by"), rule.created_by],
      [language.say("price_at"), timeText(host, rule.created_at)],
    ]),
    metadataNode(host, rule.metadata),
    figures(host, rule),
    host.mayWrite && endButton(host, rule),
  );
}

/** @param {Host} host @param {PriceRuleFigures} rule */
function figures({ language }, rule) {
  const names = ["price_course", "price_on_offer", "price_below", "price_lowest"];
  const heads = names.map((name) => h("th", { scope: "col" }, language.say(name)));
  const row = (/** @type {PriceRuleFigures["figures"][number]} */ of) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, of.course),
      h("td", null, String(of.days_on_offer)),
      h("td", null, of.sales.map((one) => `${one.pieces_below} / ${one.pieces}`).join(" · ")),
      h(
        "td",
        null,
        of.sales.map((one) => money(one.lowest_price, one.currency, language.current)).join(" · "),
      ),
    );
  return h(
    "div",
    {
      class: "office-scroll",
      tabindex: "0",
      role: "region",
      "aria-label": language.say("price_figures"),
    },
    h(
      "table",
      null,
      h("caption", null, language.say("price_figures")),
      h("thead", null, h("tr", null, ...heads)),
      h("tbody", null, ...rule.figures.map(row)),
    ),
  );
}

/** @param {Host} host @param {PriceRule} rule */
function endButton(host, rule) {
  const { api, language } = host;
  const problem = h("div");
  const end = async () => {
    const question = language.say("price_end_ask");
    const reason = await askReason(host, question, language.say("price_end"));
    if (reason === null) return;
    try {
      await api.endPriceRule(rule.id, reason);
      host.go({ page: "price-rules" });
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  return h(
    "div",
    null,
    h(
      "button",
      { class: "plain-button danger", type: "button", onclick: () => void end() },
      language.say("price_end"),
    ),
    problem,
  );
}
