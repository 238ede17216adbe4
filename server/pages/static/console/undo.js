// @ts-check
/**
 * The three seconds between a press and the drop, in which it can be undone (发放中… 撤回). Nothing is
 * sent before they are over, so undoing needs no call.
 */

import { h, setText, show } from "/sdk/element/dom.js";

/** @typedef {import("../shared/language.js").Language} Language */

const WAIT_MS = 3000;
/** A second click within this time is a double click, and does not mean "send at once". */
const DOUBLE_CLICK_MS = 400;

export class UndoBar {
  /**
   * @param {HTMLElement} bar
   * @param {Language} language
   */
  constructor(bar, language) {
    this._bar = bar;
    this._language = language;
    /** @type {{id: string, what: string, send: () => void, since: number}|null} */
    this._waiting = null;
    this._text = h("p", { class: "takeback-text" });
    this._hint = h("p", { class: "hint" });
    this._text = h("p", { class: "spoken", role: "status" });
    this._meter = h("span", { class: "meter" });
    this._back = h("button", {
      type: "button",
      class: "plain-button",
      onclick: () => this._undoButton(),
    });
    this._now = h("button", { type: "button", class: "link", onclick: () => this._send() });
    bar.replaceChildren(this._meter, h("div", null, this._text, this._hint), this._now, this._back);
    bar.after(this._text);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this._undoButton();
    });
  }

  /**
   * Handle a press. The first press starts the wait; a second press for the same drop sends at
   * once. A press for another drop during the wait is ignored.
   * @param {string} id
   * @param {string} what shown beside the countdown
   * @param {() => void} send
   */
  press(id, what, send) {
    if (this._waiting) {
      const isAgain =
        this._waiting.id === id && performance.now() - this._waiting.since > DOUBLE_CLICK_MS;
      if (isAgain) this._send();
      return;
    }
    this._waiting = { id, what, send, since: performance.now() };
    this._meter.style.animation = "none";
    void this._meter.offsetWidth; // starts the animation again
    this._meter.style.animation = "";
    show(this._bar, true);
    this._timer = setInterval(() => this._tick(), 100);
    this._tick();
    setText(
      this._text,
      `${this._text.textContent} ${what}. ${this._language.say("take_back")}: Esc`,
    );
  }

  _tick() {
    if (!this._waiting) return;
    const left = this._waiting.since + WAIT_MS - performance.now();
    setText(this._text, this._language.say("takeback", { n: Math.max(1, Math.ceil(left / 1000)) }));
    setText(this._hint, this._waiting.what);
    setText(this._back, this._language.say("take_back"));
    setText(this._now, this._language.say("send_at_once"));
    if (left <= 0) this._send();
  }

  _undoButton() {
    if (!this._waiting) return;
    this._end();
    setText(this._text, this._language.say("taken_back"));
  }

  /** Send. After this the card shows the outcome. */
  _send() {
    const { send } = this._waiting ?? {};
    this._end();
    send?.();
  }

  _end() {
    clearInterval(this._timer);
    this._waiting = null;
    show(this._bar, false);
  }
}
