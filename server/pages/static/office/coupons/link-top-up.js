// @ts-check
/** Asks how many units more a link gets of its batch. */

import { h } from "/sdk/element/dom.js";

/** @import { Link, LinkEdit } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

/**
 * @param {Host} host @param {Link} link
 * @returns {Promise<LinkEdit|null>} the change; null where the person said no or pressed Escape
 */
export function askTopUp({ language }, link) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));
  const add = h("input", {
    type: "number",
    id: "dialog-add",
    required: true,
    min: 1,
    step: 1,
    autocomplete: "off",
  });
  const no = h(
    "button",
    { class: "plain-button", type: "button", onclick: () => dialog.close() },
    language.say("office_no"),
  );
  const title = `${language.say("link_top_up")} · ${link.channel}`;
  const form = h(
    "form",
    { method: "dialog", class: "stack" },
    h("h2", { id: "dialog-title" }, title),
    h("p", { class: "hint" }, language.say("link_has", { count: link.quantity })),
    h("label", { class: "field" }, language.say("link_add"), add),
    h(
      "div",
      { class: "office-row" },
      no,
      h("button", { class: "plain-button", value: "yes" }, language.say("link_top_up")),
    ),
  );
  dialog.returnValue = "";
  dialog.replaceChildren(form);
  dialog.showModal();
  // What is on the screen: pressing twice, or a second operator, adds once.
  const change = () => ({ add: Number(add.value), expected_quantity: link.quantity });
  return new Promise((resolve) => {
    const answer = () => resolve(dialog.returnValue === "yes" ? change() : null);
    dialog.addEventListener("close", answer, { once: true });
  });
}
