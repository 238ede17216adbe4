// @ts-check
/**
 * The fields that say how a drop ends: after a time, when its teacher ends it, or at a time of the clock. The form
 * of a new drop, that of a prepared one and that of a reopening show them.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { lengthText } from "./cost-text.js";
import { instantOf, localTime } from "../local-time.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").Closes} Closes */
/** @typedef {{duration_seconds?: number, closes?: Closes}} Ending */

const DURATIONS_S = [30, 60, 180, 300];
const USUAL_S = 60;
const LONGEST_MINUTES = 24 * 60;
/** What a time of the clock starts from. */
const AHEAD_MS = 15 * 60_000;

export class EndingFields {
  /**
   * @param {Language} language
   * @param {string} [prefix] of the ids, where several forms are on one page
   */
  constructor(language, prefix = "") {
    this._language = language;
    this._prefix = prefix;
    this._name = `${prefix}duration`;
    this._minutes = h("input", {
      id: `${prefix}minutes`,
      type: "number",
      min: 1,
      max: LONGEST_MINUTES,
      step: "any", // half a minute is a time too
      inputmode: "numeric",
      value: 10,
      "aria-describedby": `${this._name}-error`,
    });
    this._minutesLabel = h("label", { for: this._minutes.id });
    this._at = h("input", {
      id: `${prefix}ends-at`,
      type: "datetime-local",
      "aria-describedby": `${this._name}-error`,
    });
    this._atLabel = h("label", { for: this._at.id });
    this._minutesBox = h("div", { class: "minutes" }, this._minutes, this._minutesLabel);
    this._atBox = h("div", { class: "field ends-at" }, this._atLabel, this._at);
    this._hint = h("p", { class: "hint" });
    this._error = h("p", { class: "field-error", id: `${this._name}-error`, hidden: true });
    this._legend = h("legend");
    this._options = [...DURATIONS_S.map(String), "0", "open_end", "at"].map((value) => ({
      value,
      text: h("span"),
      input: h("input", {
        type: "radio",
        name: this._name,
        value,
        checked: value === String(USUAL_S),
      }),
    }));
    this.root = h(
      "fieldset",
      { class: "field", "data-choice": "duration" },
      this._legend,
      h(
        "div",
        { class: "segments" },
        ...this._options.map(({ input, text }) => h("label", { class: "segment" }, input, text)),
      ),
      this._minutesBox,
      this._atBox,
      this._hint,
      this._error,
    );
    this.root.addEventListener("input", () => {
      this.fail("");
      this._follow();
    });
    this.translate();
  }

  translate() {
    const say = this._language.say.bind(this._language);
    /** @type {Record<string, string>} */
    const words = { 0: say("other"), open_end: say("ends_open_end"), at: say("ends_at") };
    for (const { value, text } of this._options)
      setText(text, words[value] ?? lengthText(Number(value), this._language));
    setText(this._legend, say("duration"));
    setText(this._minutesLabel, say("minutes_unit"));
    setText(this._atLabel, say("ends_at_label"));
    this._follow();
  }

  /** Show the end of a drop. @param {{duration_seconds?: number|null, closes?: Closes}} drop */
  write({ duration_seconds, closes }) {
    const seconds = duration_seconds ?? USUAL_S;
    const kept = DURATIONS_S.includes(seconds) ? String(seconds) : "0";
    this._choose(closes === "open_end" ? closes : closes ? "at" : kept);
    this._minutes.value = String(seconds / 60);
    if (closes && closes !== "open_end") this._at.value = localTime(Date.parse(closes.at));
    this._follow();
  }

  /** Return the end as the server takes it; null, with the reason shown, where a field is wrong.
   * @returns {Ending|null} */
  read() {
    const chosen = this._chosen;
    if (chosen === "open_end") return this._right({ closes: "open_end" });
    if (chosen === "at") {
      const at = instantOf(this._at.value);
      if (at === null || at <= Date.now()) return this._wrong(this._at, "field_end");
      return this._right({ closes: { at: new Date(at).toISOString() } });
    }
    const seconds = Number(chosen) || this._minutes.valueAsNumber * 60;
    const isRight = Number.isInteger(seconds) && seconds >= 1 && seconds <= LONGEST_MINUTES * 60;
    if (!isRight) return this._wrong(this._minutes, "field_duration");
    return this._right({ duration_seconds: seconds });
  }

  /** Show what the server refused; empty: nothing. @param {string} text */
  fail(text) {
    show(this._error, text !== "");
    setText(this._error, text);
    for (const input of [this._minutes, this._at])
      input.setAttribute("aria-invalid", String(text !== ""));
  }

  get _chosen() {
    return this._options.find(({ input }) => input.checked)?.value ?? "";
  }

  /** @param {string} chosen */
  _choose(chosen) {
    for (const { input, value } of this._options) input.checked = value === chosen;
  }

  /** @param {Ending} ending */
  _right(ending) {
    this.fail("");
    return ending;
  }

  /** @param {HTMLElement} input @param {string} key */
  _wrong(input, key) {
    this.fail(this._language.say(key));
    input.focus();
    return null;
  }

  _follow() {
    const chosen = this._chosen;
    show(this._minutesBox, chosen === "0");
    show(this._atBox, chosen === "at");
    show(this._hint, chosen === "open_end");
    setText(this._hint, this._language.say("ends_hint_open_end"));
    if (chosen === "at" && !this._at.value) this._at.value = localTime(Date.now() + AHEAD_MS);
  }
}
