// @ts-check
/** One field of a form of the office: label, input, hint and what the server says of it. */

import { h, setText } from "/sdk/element/dom.js";

/**
 * `name` as the server names the field, such as `budget.money.amount`. `value`: what stands there at first; of a
 * `checkbox` "yes" or nothing. `choices`: of a `select` all values, of a `text` proposals. `isShown`: the field
 * is there only where it returns true. `isWide`: it has a line of its own. `own`: a field of the page's own, which
 * has its label, says itself what its value is, and gets the focus in `input`.
 *
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {"text"|"number"|"date"|"datetime-local"|"checkbox"|"select"|"textarea"} [type]
 * @property {string} [value]
 * @property {readonly (readonly [value: string, text: string])[]} [choices]
 * @property {(values: Record<string, string>) => boolean} [isShown]
 * @property {number} [step] of a form with steps, from 0
 * @property {boolean} [isRequired]
 * @property {boolean} [isWide]
 * @property {string} [hint]
 * @property {OwnField} [own]
 * @property {number} [max] of a number; of a text its length
 */

/** @typedef {HTMLInputElement|HTMLSelectElement|HTMLTextAreaElement} Input */
/** @typedef {{node: HTMLElement, input: Input, read: () => string}} OwnField */
/** @typedef {ReturnType<typeof fieldRow>} Row */

/** Two forms of a page may have fields of one name: each field has a number. */
let made = 0;

/** @param {Field} field */
export function fieldRow(field) {
  const { name, isShown, step = 0, isWide = false } = field;
  const id = `field-${++made}`;
  const { node: content, input, read } = field.own ?? plainField(field, id);
  const error = h("p", { class: "field-error", id: `${id}-error` });
  const say = (/** @type {string} */ text) => {
    setText(error, text);
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  const node = h("div", { class: "field", "data-wide": isWide }, content, error);
  return { name, input, say, read, node, isShown, step };
}

/** @param {Field} field @param {string} id @returns {OwnField} */
function plainField(field, id) {
  const { label, type = "text", hint = "" } = field;
  const input = inputOf(field, id);
  const title = h("label", { for: id }, label);
  const read = () =>
    input instanceof HTMLInputElement && type === "checkbox"
      ? input.checked
        ? "yes"
        : ""
      : input.value.trim();
  const node = h(
    "div",
    { class: type === "checkbox" ? "field check" : "field" },
    ...(type === "checkbox" ? [input, title] : [title, input]),
    proposals(field, id),
    hint && h("p", { class: "hint", id: `${id}-hint` }, hint),
  );
  return { node, input, read };
}

/** @param {Field} field @param {string} id */
function inputOf(field, id) {
  const { name, type = "text", value = "", choices = [], isRequired = false, max, hint } = field;
  const common = {
    id,
    name,
    required: isRequired,
    "aria-describedby": hint ? `${id}-hint ${id}-error` : `${id}-error`,
  };
  if (type === "textarea")
    return h("textarea", { ...common, rows: 3, maxlength: max }, value || null);
  if (type === "select") {
    const options = choices.map(([option, text]) =>
      h("option", { value: option, selected: option === value }, text),
    );
    return h("select", common, ...options);
  }
  return h("input", {
    ...common,
    type,
    value: type === "checkbox" ? "yes" : value,
    checked: type === "checkbox" && value === "yes",
    autocomplete: "off",
    min: type === "number" && 0,
    step: type === "number" && "any",
    max: type === "number" && max,
    maxlength: type === "text" && max,
    list: type === "text" && choices.length > 0 && `${id}-list`,
  });
}

/** @param {Field} field @param {string} id */
function proposals({ type = "text", choices = [] }, id) {
  if (type !== "text" || choices.length === 0) return null;
  const options = choices.map(([value, text]) => h("option", { value }, text));
  return h("datalist", { id: `${id}-list` }, ...options);
}
