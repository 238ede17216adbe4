// @ts-check
/**
 * The dialog for a version conflict: somebody else has saved meanwhile. It shows the server's value and mine of
 * each field that differs, and one of them is chosen. `saveVersion` saves until no conflict is left.
 */

import { h } from "/sdk/element/dom.js";
import { asApiError } from "../../shared/api-errors.js";
import { differences, merged } from "./conflict.js";

/** @import { Difference, Values } from "./conflict.js" */
/** @import { Field } from "./form-field.js" */
/** @import { Host } from "./host.js" */

/**
 * `seen`: the record that the form began with; `fields` have the labels; `valuesOf` returns the form's values of a
 * record. `write` sends the values as the version after `version`; `read` returns the newest record.
 *
 * @template {{version: number}} T
 * @param {Host} host
 * @param {{seen: T, mine: Values, fields: readonly Field[], valuesOf: (record: T) => Values, read: () => Promise<T>, write: (values: Values, seen: T) => Promise<unknown>}} options
 * @returns {Promise<boolean>} false where the person went back to the form
 */
export async function saveVersion(host, { seen, mine, fields, valuesOf, read, write }) {
  for (;;) {
    try {
      await write(mine, seen);
      return true;
    } catch (fault) {
      if (asApiError(fault).code !== "wrong_state") throw fault;
      const newest = await read();
      if (newest.version === seen.version) throw fault; // refused for another reason
      const found = differences(valuesOf(seen), valuesOf(newest), mine);
      const chosen = found.length ? await askWhich(host, found, fields) : {};
      if (chosen === null) return false;
      mine = merged(mine, found, chosen);
      seen = newest;
    }
  }
}

/**
 * @param {Host} host @param {readonly Difference[]} found @param {readonly Field[]} fields
 * @returns {Promise<Record<string, "theirs"|"mine">|null>} null where the person said no or pressed Escape
 */
function askWhich(host, found, fields) {
  const { language } = host;
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));
  const form = h(
    "form",
    { method: "dialog", class: "stack" },
    h("h2", { id: "dialog-title" }, language.say("conflict_title")),
    h("p", { class: "hint" }, language.say("conflict_hint")),
    ...found.map((each) => choice(host, each, fields)),
    h(
      "div",
      { class: "office-row" },
      h(
        "button",
        { class: "plain-button", type: "button", onclick: () => dialog.close() },
        language.say("office_no"),
      ),
      h("button", { class: "plain-button", value: "yes" }, language.say("conflict_save")),
    ),
  );
  dialog.returnValue = "";
  dialog.replaceChildren(form);
  dialog.showModal();
  return new Promise((resolve) => {
    const answer = () => {
      const chosen = /** @type {Record<string, "theirs"|"mine">} */ (
        Object.fromEntries(new FormData(form))
      );
      resolve(dialog.returnValue === "yes" ? chosen : null);
    };
    dialog.addEventListener("close", answer, { once: true });
  });
}

/** @param {Host} host @param {Difference} difference @param {readonly Field[]} fields */
function choice({ language }, { name, theirs, mine, taken }, fields) {
  const field = fields.find((each) => each.name === name);
  const option = (/** @type {"theirs"|"mine"} */ whose, /** @type {string} */ value) =>
    h(
      "label",
      { class: "office-choice" },
      h("input", {
        type: "radio",
        name,
        value: whose,
        required: true,
        checked: taken === whose,
      }),
      h("span", { class: "hint" }, language.say(`conflict_${whose}`)),
      h("strong", null, shown(field, value) || language.say("conflict_empty")),
    );
  return h(
    "fieldset",
    { class: "office-choices" },
    h("legend", null, field?.label ?? name),
    option("theirs", theirs),
    option("mine", mine),
  );
}

/** @param {Field|undefined} field @param {string} value */
const shown = (field, value) =>
  field?.choices?.find(([option]) => option === value)?.[1] ?? value.replace("T", " ");
