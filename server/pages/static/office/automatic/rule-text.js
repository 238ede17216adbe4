// @ts-check
/**
 * Conditions as lines of text, one each, such as `data.minutes >= 30`, all of which must be true. Pure. The server
 * says what is wrong with a fact or a value.
 */

/** @import { Rule, RuleCondition, RuleItem } from "/sdk/shapes.js" */

const LINE = /^(\S+?)\s*(>=|<=|=|\bin\b|\bwithin_days\b|\bnot_within_days\b)\s*(.+)$/;

/** @param {string} text @returns {Rule|undefined} nothing for no line */
export function ruleOf(text) {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.length ? { all: lines.map(conditionOf) } : undefined;
}

/** @param {string} line @returns {RuleCondition} a line that is none is a fact that the server does not know */
function conditionOf(line) {
  const [, fact = line, op = "=", value = ""] = LINE.exec(line) ?? [];
  return {
    fact,
    op: /** @type {RuleCondition["op"]} */ (op),
    value: op === "in" ? value.split(/\s*[,，]\s*/).map(valueOf) : valueOf(value),
  };
}

/** @param {string} text @returns {string|number|boolean} `"7"` in quotes is a text */
function valueOf(text) {
  if (text === "true" || text === "false") return text === "true";
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text.replace(/^"(.*)"$/, "$1");
}

/** @param {Rule|undefined} rule @returns {string} in one line */
export function ruleText(rule) {
  if (!rule) return "";
  return (rule.all ?? rule.any ?? []).map(itemText).join(rule.all ? " & " : " | ");
}

/** @param {RuleItem} item @returns {string} */
function itemText(item) {
  if (item.all || item.any) {
    const words = (item.all ?? item.any ?? []).map(itemText).join(item.all ? " & " : " | ");
    return `(${words})`;
  }
  const value = Array.isArray(item.value) ? item.value.join(", ") : item.value;
  return `${item.fact} ${item.op} ${value}`;
}
