// @ts-check
/** A rule as lines of fact, comparison and value, for a field of a form. Its value is the rule as JSON. */

import { fill, h } from "/sdk/element/dom.js";
import { COMPARISONS, FACTS, flat, kindOf, valueIn, valueText } from "./rule-text.js";

/** @import { Comparison, Rule, RuleCondition } from "/sdk/shapes.js" */
/** @import { OwnField } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */
/** @typedef {{node: HTMLElement, read: () => RuleCondition, first: HTMLSelectElement}} Line */

const OWN = "facts.";

/** @param {Host} host @param {Rule} [rule] one with a group within is kept as it is @returns {OwnField} */
export function ruleEditor(host, rule) {
  const { language } = host;
  const begun = rule ? flat(rule) : { word: "all", conditions: [] };
  if (begun === null) return asJson(host, /** @type {Rule} */ (rule));
  const word = selectOf(
    ["all", "any"].map((each) => [each, language.say(`rule_${each}`)]),
    begun.word,
    language.say("rule_word"),
  );
  const first = [{ fact: "tag", op: /** @type {const} */ ("="), value: "" }];
  /** @type {Line[]} */
  let lines = [];
  const place = h("div", { class: "stack" });
  const add = (/** @type {RuleCondition} */ condition) => {
    const line = lineOf(host, condition, () => {
      lines = lines.filter((each) => each !== line);
      line.node.remove();
      more.focus();
    });
    lines.push(line);
    place.append(line.node);
    return line;
  };
  const more = h(
    "button",
    { class: "plain-button", type: "button", onclick: () => add(first[0]).first.focus() },
    language.say("rule_more"),
  );
  for (const condition of begun.conditions.length ? begun.conditions : first) add(condition);
  const node = h(
    "fieldset",
    { class: "stack" },
    h("legend", null, language.say("aud_rule")),
    word,
    place,
    h("div", null, more),
  );
  const read = () => JSON.stringify({ [word.value]: lines.map((line) => line.read()) });
  return { node, input: word, read };
}

/** @param {Host} host @param {Rule} rule @returns {OwnField} */
function asJson({ language }, rule) {
  const input = h("textarea", { rows: 8 }, JSON.stringify(rule, null, 2));
  const node = h(
    "label",
    { class: "field" },
    language.say("aud_rule"),
    h("span", { class: "hint" }, language.say("rule_nested")),
    input,
  );
  return { node, input, read: () => input.value.trim() };
}

/** @param {Host} host @param {RuleCondition} condition @param {() => void} remove @returns {Line} */
function lineOf({ language }, condition, remove) {
  const isOwn = condition.fact.startsWith(OWN);
  const fact = selectOf(
    Object.keys(FACTS).map((each) => [each, language.say(`fact_${each.replace(".", "")}`)]),
    isOwn ? OWN : condition.fact,
    language.say("rule_fact"),
  );
  const own = h("input", {
    type: "text",
    value: isOwn ? condition.fact.slice(OWN.length) : "",
    "aria-label": language.say("rule_own"),
    placeholder: language.say("rule_own"),
  });
  const op = h("select", { "aria-label": language.say("rule_op") });
  const value = h("input", {
    type: "text",
    value: valueText(condition.value),
    "aria-label": language.say("rule_value"),
  });
  const follow = (/** @type {Comparison|null} */ chosen) => {
    const kind = kindOf(fact.value);
    const wanted = COMPARISONS[kind];
    const stays = wanted.find((each) => each === (chosen ?? op.value)) ?? wanted[0];
    fill(
      op,
      ...wanted.map((each) =>
        h("option", { value: each, selected: each === stays }, language.say(`op_${each}`)),
      ),
    );
    own.hidden = fact.value !== OWN;
    value.placeholder = language.say(`rule_example_${kind}`);
  };
  fact.addEventListener("change", () => follow(null));
  follow(condition.op);
  const away = h(
    "button",
    { class: "link", type: "button", onclick: remove },
    language.say("rule_less"),
  );
  return {
    node: h("div", { class: "rule-line" }, fact, own, op, value, away),
    first: fact,
    read: () => {
      const compared = /** @type {Comparison} */ (op.value);
      return {
        fact: fact.value === OWN ? OWN + own.value.trim() : fact.value,
        op: compared,
        value: valueIn(kindOf(fact.value), compared, value.value),
      };
    },
  };
}

/** @param {(readonly string[])[]} choices @param {string} chosen @param {string} label */
const selectOf = (choices, chosen, label) =>
  h(
    "select",
    { "aria-label": label },
    ...choices.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
