// @ts-check
/**
 * The switch that makes a drop a rehearsal, and the testers who alone see it. The form of a new drop and that of a
 * prepared one show it.
 */

import { h, setText, show } from "/sdk/element/dom.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").AudienceForm} AudienceForm */

export class RehearsalFields {
  /**
   * @param {Language} language
   * @param {string} [prefix] of the ids, where several forms are on one page
   */
  constructor(language, prefix = "") {
    this._language = language;
    this._switch = h("input", {
      type: "checkbox",
      id: `${prefix}rehearsal`,
      role: "switch",
      onchange: () => this._follow(),
    });
    this._label = h("span");
    this._testers = h("textarea", {
      id: `${prefix}testers`,
      rows: 2,
      autocapitalize: "off",
      spellcheck: "false",
      "aria-describedby": `${prefix}testers-hint ${prefix}testers-error`,
    });
    this._testersLabel = h("label", { for: this._testers.id });
    this._what = h("p", { class: "hint" });
    this._hint = h("p", { class: "hint", id: `${prefix}testers-hint` });
    this._error = h("p", { class: "field-error", id: `${prefix}testers-error`, hidden: true });
    this._box = h(
      "div",
      { class: "field" },
      this._what,
      this._testersLabel,
      this._testers,
      this._hint,
    );
    this.root = h(
      "div",
      { class: "field rehearsal-fields" },
      h("label", { class: "switch" }, this._switch, this._label),
      this._box,
      this._error,
    );
    this.root.addEventListener("input", () => this.fail(""));
    this.translate();
  }

  get isOn() {
    return this._switch.checked;
  }

  translate() {
    const say = this._language.say.bind(this._language);
    setText(this._label, say("rehearsal"));
    setText(this._what, say("rehearsal_hint"));
    setText(this._testersLabel, say("testers"));
    setText(this._hint, say("testers_hint"));
    this._follow();
  }

  /** @param {boolean} isOn @param {string[]} testers */
  write(isOn, testers) {
    this._switch.checked = isOn;
    this._testers.value = testers.join(" ");
    this._follow();
  }

  /** Return the fields of a rehearsal as the server takes them, none where the switch is off; null, with the
   * reason shown, where nobody is named.
   * @returns {{rehearsal?: true, audience?: AudienceForm}|null} */
  read() {
    this.fail("");
    if (!this.isOn) return {};
    const students = [...new Set(this._testers.value.split(/[\s,，;；、]+/))].filter(Boolean);
    if (students.length > 0) return { rehearsal: true, audience: { students } };
    this.fail(this._language.say("field_testers"));
    this._testers.focus();
    return null;
  }

  /** Show what the server refused; empty: nothing. @param {string} text */
  fail(text) {
    show(this._error, text !== "");
    setText(this._error, text);
    this._testers.setAttribute("aria-invalid", String(text !== ""));
  }

  _follow() {
    show(this._box, this.isOn);
  }
}
