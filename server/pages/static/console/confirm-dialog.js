// @ts-check
/** A dialog with a question and two answers, shown before something that cannot be undone. */

import { h } from "/sdk/element/dom.js";

/**
 * @param {string} text
 * @param {string} yes the text of the button that confirms
 * @param {string} no
 * @returns {Promise<boolean>} Escape means no
 */
export function confirmDialog(text, yes, no) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("ask"));
  if (!dialog.showModal) return Promise.resolve(confirm(text)); // Safari before 15.4
  dialog.returnValue = "";
  dialog.replaceChildren(
    h(
      "form",
      { method: "dialog" },
      h("p", { id: "ask-text" }, text),
      h(
        "div",
        { class: "answers" },
        h("button", { class: "plain-button", value: "no", autofocus: true }, no),
        h("button", { class: "plain-button danger", value: "yes" }, yes),
      ),
    ),
  );
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
