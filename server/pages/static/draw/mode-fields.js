// @ts-check
/**
 * How a new drop goes out (first come, or a draw), and whether the room sees masked names of who got
 * one. A part of the console's form; console-draws.js adds it.
 */

import { h, setText, show } from "/sdk/element/dom.js";

/** @typedef {import("../shared/language.js").Language} Language */

const MODES = /** @type {const} */ (["first", "draw"]);

export class ModeFields {
  /** @param {Language} language */
  constructor(language) {
    this._language = language;
    /** The fields of the request whose errors are shown here. */
    this.fields = ["mode", "show_winners"];
    this._modes = MODES.map((value) => {
      const input = h("input", { type: "radio", name: "mode", value, checked: value === "first" });
      input.addEventListener("change", () => this.translate());
      return { value, input, text: h("span") };
    });
    this._legend = h("legend");
    this._hint = h("p", { class: "hint" });
    this._error = h("p", { class: "field-error", id: "mode-error", role: "alert", hidden: true });
    this._winners = h("input", { type: "checkbox", id: "show-winners", role: "switch" });
    this._winnersText = h("span");
    this._winnersHint = h("p", { class: "hint" });
    this.root = h(
      "div",
      { class: "field mode-fields" },
      h(
        "fieldset",
        { class: "field" },
        this._legend,
        h(
          "div",
          { class: "segments" },
          ...this._modes.map(({ input, text }) => h("label", { class: "segment" }, input, text)),
        ),
        this._hint,
        this._error,
      ),
      h("label", { class: "switch" }, this._winners, this._winnersText),
      this._winnersHint,
    );
    this.translate();
  }

  get _isDraw() {
    return this._modes[1].input.checked;
  }

  translate() {
    const say = this._language.say.bind(this._language);
    setText(this._legend, say("mode"));
    for (const { value, text } of this._modes) setText(text, say(`mode_${value}`));
    setText(this._hint, say(this._isDraw ? "mode_draw_hint" : "mode_first_hint"));
    setText(this._winnersText, say("show_winners"));
    setText(this._winnersHint, say("show_winners_hint"));
  }

  /** Return the fields as the server takes them. @returns {{mode?: "draw", show_winners?: true}} */
  read() {
    return {
      ...(this._isDraw && { mode: /** @type {const} */ ("draw") }),
      ...(this._winners.checked && { show_winners: /** @type {const} */ (true) }),
    };
  }

  /** Show what the server refused; empty: nothing. @param {string} text */
  fail(text) {
    show(this._error, text !== "");
    setText(this._error, text && this._isDraw ? this._language.say("mode_refused") : text);
  }

  /** Go back to first come: the next drop is another one. */
  clear() {
    this._modes[0].input.checked = true;
    this._winners.checked = false;
    this.translate();
  }
}
