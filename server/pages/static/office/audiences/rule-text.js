// @ts-check
/** A rule over what is known of students: its facts, what they are compared with, and its values. Pure. */

import { instantText } from "../shared/school-time.js";

/** @import { Comparison, Rule, RuleCondition } from "/sdk/shapes.js" */
/** @typedef {"time"|"text"|"number"|"own"} FactKind */

/** The facts of PROTOCOL.md, "Rules". @type {Record<string, FactKind>} */
export const FACTS = {
  tag: "text",
  interested: "text",
  first_seen: "time",
  last_seen: "time",
  registered_at: "time",
  orders_30d: "number",
  claimed_30d: "number",
  used_30d: "number",
  spent_30d: "number",
  lessons_done: "number",
  streak: "number",
  "facts.": "own",
};

/** @type {Record<FactKind, readonly Comparison[]>} */
export const COMPARISONS = {
  text: ["=", "in"],
  time: ["within_days", "not_within_days", ">=", "<="],
  number: [">=", "<=", "="],
  own: ["=", "in", ">=", "<=", "within_days", "not_within_days"],
};

/** @param {string} fact @returns {FactKind} */
export const kindOf = (fact) => FACTS[fact] ?? (fact.startsWith("facts.") ? "own" : "text");

/** The value of a condition from its text. @param {FactKind} kind @param {Comparison} op @param {string} text */
export function valueIn(kind, op, text) {
  if (op === "in") return text.split(/[,，、;；\n]+/).map((each) => ownValue(kind, each.trim()));
  if (op === "within_days" || op === "not_within_days" || kind === "number") return Number(text);
  if (kind === "time") return instantText(text);
  return ownValue(kind, text.trim());
}

/** A fact of the school's own may be a number or a yes. @param {FactKind} kind @param {string} text */
function ownValue(kind, text) {
  if (kind !== "own" || text === "") return text;
  if (text === "true" || text === "false") return text === "true";
  return Number.isNaN(Number(text)) ? text : Number(text);
}

/** @param {RuleCondition["value"]} value @returns {string} */
export const valueText = (value) => (Array.isArray(value) ? value.join(", ") : String(value));

/**
 * The conditions of a rule that has no group within; null for one that has.
 * @param {Rule} rule @returns {{word: "all"|"any", conditions: RuleCondition[]}|null}
 */
export function flat(rule) {
  const word = rule.any ? "any" : "all";
  const items = rule.any ?? rule.all ?? [];
  const isFlat = items.every((item) => !item.all && !item.any);
  return isFlat ? { word, conditions: /** @type {RuleCondition[]} */ (items) } : null;
}
