// @ts-check
/**
 * What the run sheet adds to the card of a drop that has ended: the button and the form that open it again, and
 * why that is refused.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { errorText } from "/sdk/texts.js";
import { EndingFields } from "../console/form/ending-fields.js";
import { ActionButton } from "../console/action-button.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("../console/drops/drop-store.js").ShownDrop} ShownDrop */
/** @typedef {import("/sdk/shapes.js").ReopenForm} ReopenForm */
/** @typedef {import("../console/drops/drop-changes.js").Change} Change */

const USUAL_QUANTITY = 10;
/** The server opens a drop again within this time of its end. */
const REOPENED_WITHIN_MS = 12 * 3600_000;
/** Refusals that have a sentence of their own here. */
const OWN_WORDS = new Set(["wrong_state", "in_progress"]);

export class ReopenPart {
  /**
   * @param {ShownDrop} drop
   * @param {Language} language
   * @param {import("../console/action-button.js").ActionContext} desk
   * @param {(form: ReopenForm, drop: ShownDrop) => Change} reopen
   */
  constructor(drop, language, desk, reopen) {
    this._language = language;
    this._drop = drop;
    this._reopen = reopen;
    this._press = new ActionButton(desk);
    this._open = h("button", {
      type: "button",
      class: "plain-button",
      "aria-expanded": "false",
      onclick: () => this._toggle(),
    });
    this._hint = h("p", { class: "hint", hidden: true });
    this._ending = new EndingFields(language, `reopen-${drop.id}-`);
    this._quantity = h("input", {
      id: `reopen-${drop.id}-quantity`,
      type: "number",
      min: 1,
      step: 1,
      inputmode: "numeric",
      value: drop.returned || USUAL_QUANTITY,
    });
    this._quantityLabel = h("label", { for: this._quantity.id });
    this._what = h("p", { class: "hint" });
    this._send = h("button", { type: "submit", class: "main" });
    this._form = h(
      "form",
      { class: "edit-form", novalidate: true, hidden: true },
      this._what,
      h("div", { class: "field" }, this._quantityLabel, this._quantity),
      this._ending.root,
      this._send,
    );
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._submit();
    });
    this.root = h(
      "div",
      { class: "reopen", hidden: true },
      this._open,
      this._hint,
      this._form,
      this._press.root,
    );
  }

  /** @param {ShownDrop} drop @param {number} now server time, ms */
  update(drop, now) {
    const say = this._language.say.bind(this._language);
    this._drop = drop;
    // A draw is drawn once.
    const isShown = drop.state === "closed" && drop.mode !== "draw";
    show(this.root, isShown);
    if (!isShown) this._close();
    const isOld = now - Date.parse(drop.closed_at ?? "") > REOPENED_WITHIN_MS;
    this._open.setAttribute("aria-disabled", String(isOld));
    setText(this._open, say("reopen"));
    show(this._hint, isOld);
    setText(this._hint, isOld ? say("reopen_too_old") : "");
    setText(this._what, say("reopen_hint"));
    setText(this._quantityLabel, say("reopen_quantity"));
    setText(this._send, say("reopen"));
  }

  translate() {
    this._ending.translate();
  }

  _toggle() {
    if (this._open.getAttribute("aria-disabled") === "true") return;
    if (!this._form.hidden) return this._close();
    show(this._form, true);
    this._open.setAttribute("aria-expanded", "true");
    this._quantity.focus();
  }

  _close() {
    show(this._form, false);
    this._open.setAttribute("aria-expanded", "false");
  }

  async _submit() {
    const quantity = this._quantity.valueAsNumber;
    const isRight = Number.isInteger(quantity) && quantity >= 1;
    this._quantity.setAttribute("aria-invalid", String(!isRight));
    if (!isRight) return this._quantity.focus();
    const ending = this._ending.read();
    if (!ending || this._press.isBusy) return;
    await this._press.run(
      this._reopen({ quantity, ...ending }, this._drop),
      (error) => this._reason(error),
      () => this._close(),
    );
  }

  /** @param {import("/sdk/index.js").ApiError} error */
  _reason(error) {
    const errors = /** @type {{field: string}[]} */ (error.facts.errors ?? []);
    const text = OWN_WORDS.has(error.code)
      ? this._language.say(`reopen_${error.code}`)
      : errorText(error.code, this._language.current, error.facts);
    if (errors.some(({ field }) => /^(closes|duration)/.test(field))) this._ending.fail(text);
    return text;
  }
}
