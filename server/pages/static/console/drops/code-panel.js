// @ts-check
/**
 * The QR code of a running drop, in its card: opened by the teacher, for a camera or a second screen. Its
 * modules are loaded at the first opening. Used by live-drop.js.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { codeMessages } from "./messages-code.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").Ticket} Ticket */

export class CodePanel {
  /**
   * @param {string} dropId
   * @param {Language} language
   * @param {(dropId: string) => Promise<Ticket>} fetchTicket
   * @param {() => number} now server time, ms
   */
  constructor(dropId, language, fetchTicket, now) {
    this._dropId = dropId;
    language.add(codeMessages);
    this._language = language;
    this._fetch = fetchTicket;
    this._now = now;
    /** @type {import("../../shared/changing-code.js").ChangingCode|null} */
    this._code = null;
    this._isRunning = true;
    this._summary = h("summary");
    this._image = h("img", { class: "code-image", alt: "", hidden: true });
    this._hint = h("p", { class: "hint" });
    this.root = h("details", { class: "code-panel" }, this._summary, this._image, this._hint);
    this.root.addEventListener("toggle", () => void this._toggled());
    this._isShown = false;
  }

  /** @param {boolean} isRunning whether the drop can still be claimed, or soon */
  update(isRunning) {
    this._isRunning = isRunning;
    show(this.root, isRunning);
    if (!isRunning) this._code?.of("");
    this._say();
  }

  async _toggled() {
    const { ChangingCode } = await import("../../shared/changing-code.js");
    this._code ??= new ChangingCode(this._image, this._fetch, this._now, (isShown) => {
      this._isShown = isShown;
      show(this._image, isShown);
      this._say();
    });
    this._code.of(this.root.open && this._isRunning ? this._dropId : "");
  }

  _say() {
    setText(this._summary, this._language.say("code_title"));
    setText(this._hint, this._language.say(this._isShown ? "code_hint" : "code_none"));
    this._image.alt = this._language.say("code_title");
  }
}
