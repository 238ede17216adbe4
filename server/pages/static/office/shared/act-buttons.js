// @ts-check
/** A row of buttons that change something. What the server refuses stands above them. */

import { fill, h } from "/sdk/element/dom.js";
import { askReason } from "./dialog.js";
import { trouble } from "./trouble.js";

/** @import { Child } from "/sdk/element/dom.js" */
/** @import { Host } from "./host.js" */

/**
 * `ask`: the question before it, which wants a reason. `act` may return what is shown in place of the page's
 * being opened again.
 *
 * @typedef {object} Act
 * @property {string} text
 * @property {string} [ask]
 * @property {boolean} [isDanger]
 * @property {(reason: string) => Promise<Child|void>} act
 */

/** @param {Host} host @param {readonly (Act|false|null|undefined)[]} acts */
export function actButtons(host, acts) {
  const said = h("div", { role: "status" });
  const press = async (/** @type {Act} */ { text, ask, act }) => {
    const reason = ask ? await askReason(host, ask, text) : "";
    if (reason === null) return;
    try {
      const shown = await act(reason);
      if (shown) fill(said, shown);
      else host.refresh();
    } catch (fault) {
      fill(said, trouble(host, fault));
    }
  };
  const buttons = acts.flatMap((each) =>
    each
      ? h(
          "button",
          {
            class: each.isDanger ? "plain-button danger" : "plain-button",
            type: "button",
            onclick: () => void press(each),
          },
          each.text,
        )
      : [],
  );
  return h("div", { class: "stack" }, said, h("div", { class: "office-row" }, ...buttons));
}
