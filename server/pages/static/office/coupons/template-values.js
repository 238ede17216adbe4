// @ts-check
/** A template as the values of a form, and back. Pure; the server judges. */

import { majorText, minorOf } from "../shared/money-text.js";
import { instantText, localTime } from "../shared/school-time.js";

/** @import { Credit, Discount, ReturnsForm, Scope, Stacking, Template, TemplateForm, Threshold, Validity } from "/sdk/shapes.js" */
/** @typedef {Record<string, string>} Values */

const DAY_SECONDS = 86_400;
const CLASSES = /** @type {const} */ (["product", "order", "shipping"]);
const DEDUCTS = /** @type {const} */ (["goods", "shipping", "tax", "fee"]);

/** Ids or tags as people write them: separated by commas, spaces or lines. @param {string} text */
export const idsIn = (text) => text.split(/[\s,，、;；]+/).filter(Boolean);

/** The instant of a field; that of before, with its seconds, where it is the same minute.
 * @param {string} text @param {string} [before] */
export const sameMinute = (text, before) =>
  before && text === fieldTime(before) ? before : instantText(text);

/** The value of a field for an instant of the API. @param {string|undefined} at */
export const fieldTime = (at) => (at ? localTime(Date.parse(at)) : "");

/** Leave out what is undefined or empty. @template {object} T @param {T} fields @returns {T} */
export const given = (fields) =>
  /** @type {T} */ (
    Object.fromEntries(
      Object.entries(fields).filter(
        ([, value]) => value !== undefined && value !== "" && !Number.isNaN(value),
      ),
    )
  );

/** A number of a field; undefined where it is empty. @param {string} text */
export const numberIn = (text) => (text ? Number(text) : undefined);

/**
 * @param {Values} values
 * @param {Template} [kept] the version before: what the form does not show stays
 * @returns {TemplateForm}
 */
export function templateOf(values, kept) {
  const { currency } = values;
  const style = given({ colour: values["style.colour"], image: values["style.image"] });
  const deducts = DEDUCTS.filter((kind) => values[`deducts.${kind}`]);
  return given({
    name: values.name,
    description: values.description,
    currency,
    discount: discountOf(values),
    threshold: given({
      min_amount: minorOf(values["threshold.min_amount"], currency) || 0,
      min_quantity: numberIn(values["threshold.min_quantity"]),
    }),
    scope: scopeOf(values),
    validity: validityOf(values, kept?.validity),
    deducts: deducts.length && deducts.join() !== "goods" ? deducts : undefined,
    stacking: stackingOf(values),
    uses_per_student: numberIn(values.uses_per_student),
    returns: returnsOf(values),
    style: Object.keys(style).length ? style : undefined,
    use_url: values.use_url,
    metadata: kept?.metadata,
  });
}

/** @param {Values} values @returns {Discount} */
function discountOf(values) {
  const at = (/** @type {string} */ name) => values[`discount.${name}`] ?? "";
  const minor = (/** @type {string} */ name) => minorOf(at(name), values.currency);
  const kind = /** @type {Discount["kind"]} */ (at("kind"));
  if (kind === "amount_off") return { kind, amount: minor("amount") };
  if (kind === "percent_off")
    return given({
      kind,
      percent: Number(at("percent")),
      max_amount: minor("max_amount"),
      of: at("of") === "lines" ? /** @type {const} */ ("lines") : undefined,
    });
  if (kind === "items_free")
    return { kind, from_items: Number(at("from_items")), free_items: Number(at("free_items")) };
  if (kind === "gift")
    return given({
      kind,
      course: at("course"),
      name: at("name"),
      list_price: minor("list_price"),
      quantity: numberIn(at("quantity")),
    });
  return {
    kind: "rebate",
    credit: creditOf(values),
    ...(at("return_window_days")
      ? { after: "return_window", return_window_days: Number(at("return_window_days")) }
      : { after: "payment" }),
  };
}

/** @param {Values} values @returns {Credit} */
function creditOf(values) {
  const percent = values["discount.credit.percent"];
  return percent
    ? { kind: "percent_off", percent: Number(percent) }
    : {
        kind: "amount_off",
        amount: minorOf(values["discount.credit.amount"] ?? "", values.currency),
      };
}

/** @param {Values} values @returns {Scope} */
function scopeOf(values) {
  const ids = (/** @type {string} */ name) => idsIn(values[`scope.${name}`] ?? "");
  const lists = (/** @type {string[]} */ found) => (found.length ? found : undefined);
  return given({
    courses: ids("courses"),
    packages: ids("packages"),
    except_courses: lists(ids("except_courses")),
    except_packages: lists(ids("except_packages")),
    sale_prices: values["scope.sale_prices"] === "no" ? false : undefined,
  });
}

/** @param {Values} values @param {Validity} [kept] @returns {Validity} */
function validityOf(values, kept) {
  if (values["validity.kind"] === "fixed")
    return {
      kind: "fixed",
      from: sameMinute(values["validity.from"], kept?.from),
      until: sameMinute(values["validity.until"], kept?.until),
    };
  const wait = Number(values["validity.wait_seconds"] || 0) * DAY_SECONDS;
  return {
    kind: "relative",
    seconds: Math.round(Number(values["validity.seconds"]) * DAY_SECONDS),
    ...(wait && { wait_seconds: Math.round(wait) }),
    ...(values["validity.cap_at_batch_end"] && { cap_at_batch_end: true }),
  };
}

/** @param {Values} values @returns {Stacking} */
const stackingOf = (values) => ({
  class: /** @type {Stacking["class"]} */ (values["stacking.class"] || "order"),
  combines_with: CLASSES.filter((each) => values[`stacking.combines_with.${each}`]),
});

/** @param {Values} values @returns {ReturnsForm} */
const returnsOf = (values) =>
  given(
    /** @type {ReturnsForm} */ ({
      after_cancel: values["returns.after_cancel"],
      after_refund: values["returns.after_refund"],
      after_partial_refund: values["returns.after_partial_refund"],
      broken_threshold: values["returns.broken_threshold"],
    }),
  );

/** @param {Template} template @returns {Values} */
export function valuesOfTemplate(template) {
  const { currency, scope, validity, stacking, returns } = template;
  return {
    name: template.name,
    description: template.description,
    currency,
    ...discountValues(template.discount, currency),
    "threshold.min_amount": template.threshold.min_amount
      ? majorText(template.threshold.min_amount, currency)
      : "",
    "threshold.min_quantity": String(template.threshold.min_quantity || ""),
    "scope.courses": scope.courses.join(", "),
    "scope.packages": scope.packages.join(", "),
    "scope.except_courses": (scope.except_courses ?? []).join(", "),
    "scope.except_packages": (scope.except_packages ?? []).join(", "),
    "scope.sale_prices": scope.sale_prices === false ? "no" : "yes",
    ...validityValues(validity),
    ...Object.fromEntries(
      DEDUCTS.map((kind) => [`deducts.${kind}`, template.deducts.includes(kind) ? "yes" : ""]),
    ),
    "stacking.class": stacking.class,
    ...Object.fromEntries(
      CLASSES.map((each) => [
        `stacking.combines_with.${each}`,
        stacking.combines_with.includes(each) ? "yes" : "",
      ]),
    ),
    uses_per_student: String(template.uses_per_student ?? ""),
    ...Object.fromEntries(Object.entries(returns).map(([key, word]) => [`returns.${key}`, word])),
    "style.colour": template.style?.colour ?? "",
    "style.image": template.style?.image ?? "",
    use_url: template.use_url ?? "",
  };
}

/** @param {Discount} discount @param {string} currency @returns {Values} */
function discountValues(discount, currency) {
  const { credit = /** @type {Partial<Credit>} */ ({}) } = discount;
  const text = (/** @type {number|undefined} */ number) => String(number ?? "");
  return {
    "discount.kind": discount.kind,
    "discount.amount": majorText(discount.amount, currency),
    "discount.percent": text(discount.percent),
    "discount.max_amount": majorText(discount.max_amount, currency),
    "discount.of": discount.kind === "percent_off" ? (discount.of ?? "total") : "",
    "discount.from_items": text(discount.from_items),
    "discount.free_items": text(discount.free_items),
    "discount.course": discount.course ?? "",
    "discount.name": discount.name ?? "",
    "discount.list_price": majorText(discount.list_price, currency),
    "discount.quantity": text(discount.quantity),
    "discount.credit.amount": majorText(credit.amount, currency),
    "discount.credit.percent": text(credit.percent),
    "discount.return_window_days": text(discount.return_window_days),
  };
}

/** @param {Validity} validity @returns {Values} */
const validityValues = (validity) => ({
  "validity.kind": validity.kind,
  "validity.from": fieldTime(validity.from),
  "validity.until": fieldTime(validity.until),
  "validity.seconds": validity.seconds ? String(validity.seconds / DAY_SECONDS) : "",
  "validity.wait_seconds": validity.wait_seconds ? String(validity.wait_seconds / DAY_SECONDS) : "",
  "validity.cap_at_batch_end": validity.cap_at_batch_end ? "yes" : "",
});
