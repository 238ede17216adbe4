// @ts-check
/** Looks up one student's claim of one drop. Used by a running drop's card. */

import { h, setText } from "/sdk/element/dom.js";
import { dateText } from "/sdk/element/value.js";
import { errorText } from "/sdk/texts.js";
import { asApiError } from "../../shared/api-errors.js";
import { consoleMessages } from "../messages-console.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").DropClaim} DropClaim */

export class ClaimLookup {
  /**
   * @param {string} id of the drop
   * @param {Language} language
   * @param {(student: string) => Promise<DropClaim|null>} find
   */
  constructor(id, language, find) {
    this._language = language;
    this._find = find;
    this.summary = h("summary");
    this.label = h("label", { for: `student-${id}` });
    this.input = h("input", {
      type: "text",
      id: `student-${id}`,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      maxlength: 64,
    });
    this.button = h("button", { class: "plain-button" });
    this.answer = h("p", { class: "hint", role: "status" });
    const form = h(
      "form",
      { class: "look-up" },
      this.label,
      h("div", { class: "row" }, this.input, this.button),
      this.answer,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._look();
    });
    this.root = h("details", null, this.summary, form);
  }

  translate() {
    setText(this.summary, this._language.say("look_up"));
    setText(this.label, this._language.say("student_id"));
    setText(this.button, this._language.say("find"));
  }

  async _look() {
    const student = this.input.value.trim();
    if (!student) return this.input.focus();
    setText(this.answer, this._language.say("one_moment"));
    try {
      setText(this.answer, this._text(student, await this._find(student)));
    } catch (error) {
      setText(this.answer, errorText(asApiError(error).code, this._language.current));
    }
  }

  /** @param {string} student @param {DropClaim|null} claim */
  _text(student, claim) {
    if (!claim) return this._language.say("claim_none", { student });
    const known = Object.prototype.hasOwnProperty.call(consoleMessages, `claim_${claim.state}`)
      ? claim.state
      : "confirmed";
    return this._language.say(`claim_${known}`, {
      student,
      at: dateText(claim.won_at, this._language.current),
    });
  }
}
