// @ts-check
/** The steps of a long form: one of them is shown, and one cannot go on before it is filled in. */

import { h, show } from "/sdk/element/dom.js";

/** @import { Row } from "./form-field.js" */
/** @import { Host } from "./host.js" */

export class Steps {
  /** @param {Host} host @param {readonly Row[]} rows @param {readonly string[]} titles one: the form has no steps
   * @param {(isLast: boolean) => void} moved called with each step that is shown */
  constructor(host, rows, titles, moved) {
    this._moved = moved;
    this._parts = titles.map((title, index) =>
      h(
        "fieldset",
        { class: "office-step" },
        title && h("legend", { class: "spoken" }, title),
        ...rows.filter(({ step }) => step === index).map(({ node }) => node),
      ),
    );
    this._titles = titles.map((title) => h("li", null, title));
    this.back = h(
      "button",
      { class: "plain-button", type: "button", onclick: () => this._go(this._current - 1) },
      host.language.say("office_back"),
    );
    const way = titles.length > 1 && h("ol", { class: "office-steps" }, ...this._titles);
    /** @type {Node[]} */
    this.nodes = [way, ...this._parts].filter((node) => node instanceof Node);
    this._current = 0;
    this._show(0);
  }

  /** Go to the next step. @returns {boolean} false where this is the last one */
  goOn() {
    if (this._current === this._parts.length - 1) return false;
    this._go(this._current + 1);
    return true;
  }

  /** Show the step of this row, and move the focus there. @param {Row|undefined} row */
  showRow(row) {
    if (!row) return;
    this._show(row.step);
    row.input.focus();
  }

  /** @param {number} step */
  _go(step) {
    this._show(step);
    /** @type {HTMLElement|null} */ (
      this._parts[step].querySelector(".field:not([hidden]) :is(input, select, textarea)")
    )?.focus({ preventScroll: true });
    this._parts[step].closest("form")?.scrollIntoView({ block: "start" });
  }

  /** @param {number} step */
  _show(step) {
    this._current = step;
    for (const [index, part] of this._parts.entries()) {
      show(part, index === step);
      part.disabled = index !== step; // what is not shown does not refuse the form
      if (index === step) this._titles[index].setAttribute("aria-current", "step");
      else this._titles[index].removeAttribute("aria-current");
    }
    show(this.back, step > 0);
    this._moved(step === this._parts.length - 1);
  }
}
