// @ts-check
/** A question before a change, with a reason that the log of acts keeps. */

import { h } from "/sdk/element/dom.js";

/** @import { Host } from "./host.js" */

/**
 * @param {Host} host @param {string} question @param {string} yes the button that confirms
 * @returns {Promise<string|null>} the reason; null where the person said no or pressed Escape
 */
export function askReason(host, question, yes) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));
  const reason = h("input", {
    type: "text",
    id: "dialog-reason",
    required: true,
    maxlength: 200,
    autocomplete: "off",
  });
  const no = h(
    "button",
    { class: "plain-button", type: "button", onclick: () => dialog.close() },
    host.language.say("office_no"),
  );
  const form = h(
    "form",
    { method: "dialog", class: "stack" },
    h("h2", { id: "dialog-title" }, question),
    h("label", { class: "field" }, host.language.say("office_reason"), reason),
    h(
      "div",
      { class: "office-row" },
      no,
      h("button", { class: "plain-button danger", value: "yes" }, yes),
    ),
  );
  dialog.returnValue = "";
  dialog.replaceChildren(form);
  dialog.showModal();
  return new Promise((resolve) => {
    const answer = () => resolve(dialog.returnValue === "yes" ? reason.value.trim() : null);
    dialog.addEventListener("close", answer, { once: true });
  });
}
