// @ts-check
/** The fields that say when a prepared drop opens: by hand, or by itself. The form of a prepared drop shows them. */

import { h, setText, show } from "/sdk/element/dom.js";
import { instantOf, localTime } from "../console/local-time.js";
import { momentOf, videoSeconds, videoTime } from "./order.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("./order.js").Moment} Moment */

const KINDS = ["hand", "minute", "video", "at"];
const LAST_MINUTE = 24 * 60;
const LAST_SECOND = 24 * 3600;
const AHEAD_MS = 10 * 60_000;

export class MomentFields {
  /**
   * @param {Language} language
   * @param {string} prefix of the ids
   * @param {Moment} moment that it has now
   */
  constructor(language, prefix, moment) {
    this._language = language;
    this._before = momentOf(moment);
    this._kind = h(
      "select",
      { id: `${prefix}opens`, onchange: () => this._follow() },
      ...KINDS.map((kind) => h("option", { value: kind })),
    );
    this._label = h("label", { for: `${prefix}opens` });
    const described = { "aria-describedby": `${prefix}opens-error` };
    this._minute = h("input", {
      id: `${prefix}minute`,
      type: "number",
      min: 0,
      max: LAST_MINUTE,
      step: 1,
      inputmode: "numeric",
      value: moment.minute ?? 10,
      ...described,
    });
    this._video = h("input", {
      id: `${prefix}video`,
      type: "text",
      autocomplete: "off",
      placeholder: "12:30",
      value: moment.video_seconds === undefined ? "" : videoTime(moment.video_seconds),
      ...described,
    });
    this._at = h("input", {
      id: `${prefix}at`,
      type: "datetime-local",
      value: localTime(moment.at ? Date.parse(moment.at) : Date.now() + AHEAD_MS),
      ...described,
    });
    this._fields = [
      { kind: "minute", label: "minute_label", input: this._minute },
      { kind: "video", label: "video_label", input: this._video },
      { kind: "at", label: "at_label", input: this._at },
    ].map((one) => {
      const label = h("label", { for: one.input.id });
      return { ...one, words: label, box: h("div", { class: "field" }, label, one.input) };
    });
    this._error = h("p", { class: "field-error", id: `${prefix}opens-error`, hidden: true });
    this.root = h(
      "div",
      { class: "field" },
      this._label,
      this._kind,
      ...this._fields.map(({ box }) => box),
      this._error,
    );
    this.root.addEventListener("input", () => this.fail(""));
    this._kind.value = kindOf(moment);
    this.translate();
    /** What the field of a time shows at first: only a change of it is a new moment. */
    this._shownAt = this._at.value;
  }

  translate() {
    const say = this._language.say.bind(this._language);
    setText(this._label, say("opens"));
    for (const option of this._kind.options) setText(option, say(`opens_${option.value}`));
    for (const { label, words } of this._fields) setText(words, say(label));
    this._follow();
  }

  /** Return the moment; null, with the reason shown, where a field is wrong. @returns {Moment|null} */
  read() {
    this.fail("");
    switch (this._kind.value) {
      case "minute":
        return this._readMinute();
      case "video":
        return this._readVideo();
      case "at":
        return this._readTime();
      default:
        return {};
    }
  }

  /** @param {string} text empty: nothing is wrong */
  fail(text) {
    show(this._error, text !== "");
    setText(this._error, text);
    for (const { input } of this._fields) input.setAttribute("aria-invalid", String(text !== ""));
  }

  focus() {
    this._kind.focus();
  }

  _readMinute() {
    const minute = this._minute.valueAsNumber;
    const isRight = Number.isInteger(minute) && minute >= 0 && minute <= LAST_MINUTE;
    return isRight ? { minute } : this._wrong(this._minute, "field_minute");
  }

  _readVideo() {
    const seconds = videoSeconds(this._video.value);
    if (seconds === null || seconds > LAST_SECOND) return this._wrong(this._video, "field_video");
    return { video_seconds: seconds };
  }

  _readTime() {
    if (this._before.at && this._at.value === this._shownAt) return this._before;
    const at = instantOf(this._at.value);
    if (at === null || at <= Date.now()) return this._wrong(this._at, "field_at");
    return { at: new Date(at).toISOString() };
  }

  /** @param {HTMLElement} input @param {string} key */
  _wrong(input, key) {
    this.fail(this._language.say(key));
    input.focus();
    return null;
  }

  _follow() {
    for (const { kind, box } of this._fields) show(box, kind === this._kind.value);
  }
}

/** @param {Moment} moment */
function kindOf({ at, minute, video_seconds }) {
  if (at !== undefined) return "at";
  if (minute !== undefined) return "minute";
  return video_seconds === undefined ? "hand" : "video";
}
