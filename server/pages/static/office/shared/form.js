// @ts-check
/**
 * A form of the office. The server judges the values: what it refuses is shown at the field of that name
 * (`errors: [{field, code}]`), what belongs to no field above the button. The same press sent again is done once.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { asApiError } from "../../shared/api-errors.js";
import { Attempt } from "../../console/random-key.js";
import { fieldRow } from "./form-field.js";
import { Steps } from "./form-steps.js";
import { troubleText } from "./trouble.js";

/** @import { Field, Row } from "./form-field.js" */
/** @import { Host } from "./host.js" */
/** @typedef {Record<string, string>} Values of fields, by their names; a field that is not shown is empty */

/**
 * `bodyOf` makes the request of the values; `send` gets it with an idempotency key. `changed` is called with
 * the values when the form is made, and at each change. `steps`: the titles of the steps of a long form, one of
 * which is shown at a time.
 *
 * @template {object} B
 * @param {Host} host
 * @param {readonly Field[]} fields
 * @param {{button: string, bodyOf: (values: Values) => B, send: (body: B, key: string) => Promise<void>, changed?: (values: Values) => void, steps?: readonly string[]}} options
 */
export function form(host, fields, { button, bodyOf, send, changed, steps = [""] }) {
  const attempt = new Attempt();
  const rows = fields.map(fieldRow);
  const problem = h("p", { class: "trouble", role: "alert", hidden: true });
  const press = h("button", { class: "plain-button", type: "submit" }, button);
  const parts = new Steps(host, rows, steps, (isLast) =>
    setText(press, isLast ? button : host.language.say("office_next")),
  );
  const node = h(
    "form",
    { class: "office-form" },
    ...parts.nodes,
    problem,
    h("div", { class: "office-row" }, parts.back, press),
  );
  const follow = () => {
    showFitting(rows);
    changed?.(valuesOf(rows));
  };
  node.addEventListener("input", follow);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    show(problem, false);
    if (parts.goOn()) return;
    const body = bodyOf(valuesOf(rows));
    press.disabled = true;
    for (const row of rows) row.say("");
    try {
      await send(body, attempt.keyOf(body));
    } catch (fault) {
      parts.showRow(showFault(host, fault, rows, problem));
    }
    press.disabled = false;
  });
  follow();
  return node;
}

/** @param {readonly Row[]} rows @returns {Values} */
const valuesOf = (rows) =>
  Object.fromEntries(rows.map(({ name, node, read }) => [name, node.hidden ? "" : read()]));

/** Show the fields that make sense beside the values of those before them. @param {readonly Row[]} rows */
function showFitting(rows) {
  for (const { node, input, isShown } of rows) {
    if (!isShown) continue;
    const fits = isShown(valuesOf(rows));
    show(node, fits);
    input.disabled = !fits; // a field that is hidden must not refuse the form
  }
}

/**
 * @param {Host} host @param {unknown} fault @param {readonly Row[]} rows @param {HTMLElement} problem
 * @returns {Row|undefined} the first row that was refused
 */
function showFault(host, fault, rows, problem) {
  const { errors } = asApiError(fault).facts;
  const refused = /** @type {{field: string, code: string}[]} */ (
    Array.isArray(errors) ? errors : []
  );
  const rowOf = (/** @type {string} */ field) =>
    rows.find(({ name, node }) => !node.hidden && (name === field || field.startsWith(`${name}.`)));
  const placed = refused.filter(({ field, code }) => {
    const row = rowOf(field);
    row?.say(host.language.say("office_field_wrong", { code }));
    return row;
  });
  const rest = refused
    .filter((each) => !placed.includes(each))
    .map(({ field, code }) => `${field}: ${code}`);
  setText(problem, [troubleText(host, fault), ...rest].join(" "));
  show(problem, placed.length === 0 || rest.length > 0);
  return rowOf(placed[0]?.field ?? "");
}
