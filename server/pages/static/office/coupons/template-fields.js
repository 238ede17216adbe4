// @ts-check
/** The fields of a template's form, in three steps: what it is worth, where and how long, at the checkout. */

import { currencyChoices } from "../shared/currencies.js";

/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

export const TEMPLATE_STEPS = ["step_worth", "step_where", "step_rules"];
const KINDS = ["amount_off", "percent_off", "items_free", "gift", "rebate"];

/** What stands in the form of a new template. @type {Values} */
export const NEW_TEMPLATE = {
  "discount.kind": "amount_off",
  "validity.kind": "relative",
  "validity.seconds": "7",
  "scope.sale_prices": "yes",
  "stacking.class": "order",
  "deducts.goods": "yes",
  "returns.after_cancel": "back",
  "returns.after_refund": "kept",
  "returns.after_partial_refund": "kept",
  "returns.broken_threshold": "keep",
};

/** @param {Host} host @param {Values} values what stands there at first @returns {Promise<Field[]>} */
export async function templateFields(host, values) {
  const currencies = await currencyChoices(host);
  /** @type {Values} */
  const first = { currency: currencies[0][0], ...values };
  return [
    ...worthFields(host, currencies),
    ...whereFields(host).map((field) => ({ ...field, step: 1 })),
    ...ruleFields(host).map((field) => ({ ...field, step: 2 })),
  ].map((field) => ({ ...field, value: first[field.name] ?? "" }));
}

/** @param {Host} host @param {Field["choices"]} currencies @returns {Field[]} */
function worthFields({ language }, currencies) {
  const label = (/** @type {string} */ key) => language.say(`tpl_${key}`);
  const only = (/** @type {string} */ kind) => (/** @type {Values} */ values) =>
    values["discount.kind"] === kind;
  const number = (/** @type {string} */ name, /** @type {string} */ kind, isRequired = true) =>
    /** @type {Field} */ ({
      name: `discount.${name}`,
      label: label(name.replaceAll(".", "_")),
      type: "number",
      isRequired,
      isShown: only(kind),
    });
  return [
    { name: "name", label: label("name"), hint: label("name_hint"), isRequired: true, max: 60 },
    {
      name: "discount.kind",
      label: label("kind"),
      type: "select",
      choices: KINDS.map((kind) => [kind, label(kind)]),
    },
    { name: "currency", label: label("currency"), type: "select", choices: currencies },
    number("amount", "amount_off"),
    { ...number("percent", "percent_off"), hint: label("percent_hint"), max: 100 },
    number("max_amount", "percent_off", false),
    {
      name: "discount.of",
      label: label("of"),
      type: "select",
      choices: ["total", "lines"].map((each) => [each, label(`of_${each}`)]),
      isShown: only("percent_off"),
    },
    number("from_items", "items_free"),
    number("free_items", "items_free"),
    {
      name: "discount.course",
      label: label("course"),
      isRequired: true,
      isShown: only("gift"),
      max: 64,
    },
    { name: "discount.name", label: label("gift_name"), isShown: only("gift"), max: 60 },
    number("list_price", "gift"),
    number("quantity", "gift", false),
    { ...number("credit.amount", "rebate", false), hint: label("credit_hint") },
    { ...number("credit.percent", "rebate", false), max: 100 },
    { ...number("return_window_days", "rebate", false), hint: label("return_window_hint") },
    { name: "threshold.min_amount", label: label("min_amount"), type: "number" },
    { name: "threshold.min_quantity", label: label("min_quantity"), type: "number" },
  ];
}

/** @param {Host} host @returns {Field[]} */
function whereFields({ language }) {
  const label = (/** @type {string} */ key) => language.say(`tpl_${key}`);
  const only = (/** @type {string} */ kind) => (/** @type {Values} */ values) =>
    values["validity.kind"] === kind;
  const time = (/** @type {string} */ name) =>
    /** @type {Field} */ ({
      name: `validity.${name}`,
      label: label(name),
      type: "datetime-local",
      isRequired: true,
      isShown: only("fixed"),
    });
  return [
    { name: "scope.courses", label: label("courses"), hint: label("courses_hint") },
    { name: "scope.packages", label: label("packages") },
    { name: "scope.except_courses", label: label("except_courses") },
    { name: "scope.except_packages", label: label("except_packages") },
    {
      name: "scope.sale_prices",
      label: label("sale_prices"),
      type: "select",
      choices: ["yes", "no"].map((each) => [each, label(`sale_prices_${each}`)]),
    },
    {
      name: "validity.kind",
      label: label("validity"),
      type: "select",
      choices: ["relative", "fixed"].map((each) => [each, label(each)]),
    },
    {
      name: "validity.seconds",
      label: label("days"),
      type: "number",
      isRequired: true,
      isShown: only("relative"),
    },
    {
      name: "validity.wait_seconds",
      label: label("wait_days"),
      type: "number",
      isShown: only("relative"),
    },
    {
      name: "validity.cap_at_batch_end",
      label: label("cap_at_batch_end"),
      type: "checkbox",
      isShown: only("relative"),
    },
    time("from"),
    time("until"),
    {
      name: "description",
      label: label("description"),
      type: "textarea",
      isWide: true,
      max: 2000,
    },
    { name: "style.colour", label: label("colour"), hint: label("colour_hint"), max: 7 },
    { name: "style.image", label: label("image"), hint: label("image_hint") },
    { name: "use_url", label: label("use_url"), hint: label("use_url_hint") },
  ];
}

/** @param {Host} host @returns {Field[]} */
function ruleFields({ language }) {
  const label = (/** @type {string} */ key) => language.say(`tpl_${key}`);
  const classes = ["product", "order", "shipping"];
  const select = (/** @type {string} */ name, /** @type {string[]} */ words) =>
    /** @type {Field} */ ({
      name: `returns.${name}`,
      label: label(name),
      type: "select",
      choices: words.map((word) => [word, label(word)]),
    });
  return [
    ...["goods", "shipping", "tax", "fee"].map(
      (kind) =>
        /** @type {Field} */ ({
          name: `deducts.${kind}`,
          label: label(`deducts_${kind}`),
          type: "checkbox",
        }),
    ),
    {
      name: "stacking.class",
      label: label("class"),
      hint: label("class_hint"),
      type: "select",
      choices: classes.map((each) => [each, label(`class_${each}`)]),
    },
    ...classes.map(
      (each) =>
        /** @type {Field} */ ({
          name: `stacking.combines_with.${each}`,
          label: label(`with_${each}`),
          type: "checkbox",
        }),
    ),
    { name: "uses_per_student", label: label("uses"), type: "number", hint: label("uses_hint") },
    select("after_cancel", ["back", "kept"]),
    select("after_refund", ["back", "kept"]),
    select("after_partial_refund", ["back", "kept"]),
    select("broken_threshold", ["keep", "charge_back"]),
  ];
}
