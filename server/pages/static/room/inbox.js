// @ts-check
/**
 * Messages to the student: each is shown above the wallet when it comes, until the student puts it away.
 * Earlier ones are read when the page opens. Used by the student's page.
 */

import { Api } from "/sdk/api.js";
import { fill, h, show } from "/sdk/element/dom.js";
import { dateText } from "/sdk/element/value.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").RoomMessage & {sent_at?: string}} Shown */

const SHOWN_AT_MOST = 3;
const KEPT_AS = "classdrop.messages.put_away";
const REMEMBERED = 100;

export class Inbox {
  /**
   * @param {() => string} getToken
   * @param {Language} language
   */
  constructor(getToken, language) {
    this._api = new Api({ url: location.origin, getToken });
    this._language = language;
    /** @type {Map<string, Shown>} by id, newest first */
    this._messages = new Map();
    this._putAway = new Set(remembered());
    language.addEventListener("change", () => this._show());
    void this._load();
  }

  /** A message has come over the socket. @param {Shown} message */
  take(message) {
    const known = { ...message, sent_at: new Date().toISOString() };
    this._messages = new Map([[message.id, known], ...this._messages]);
    this._show();
  }

  async _load() {
    try {
      const { messages } = await this._api.myMessages({ limit: SHOWN_AT_MOST });
      for (const message of messages)
        if (!this._messages.has(message.id)) this._messages.set(message.id, message);
    } catch {
      // The coupons beside say what is wrong with the connection; new messages come by the socket.
    }
    this._show();
  }

  _show() {
    const box = /** @type {HTMLElement} */ (document.getElementById("messages"));
    const news = [...this._messages.values()].filter(({ id }) => !this._putAway.has(id));
    fill(box, ...news.slice(0, SHOWN_AT_MOST).map((message) => this._row(message)));
    show(/** @type {Element} */ (box.closest(".inbox")), news.length > 0);
  }

  /** @param {Shown} message */
  _row({ id, text, url, sent_at }) {
    const href = linkOf(url);
    const close = h("button", { class: "quiet", type: "button" }, this._language.say("put_away"));
    close.addEventListener("click", () => this._dismiss(id));
    return h(
      "li",
      { class: "message" },
      h("p", null, text),
      h(
        "div",
        null,
        sent_at && h("time", { datetime: sent_at }, dateText(sent_at, this._language.current)),
        href &&
          h("a", { href, target: "_blank", rel: "noopener" }, this._language.say("open_link")),
        close,
      ),
    );
  }

  /** @param {string} id */
  _dismiss(id) {
    this._putAway.add(id);
    try {
      const kept = [...this._putAway].slice(-REMEMBERED);
      localStorage.setItem(KEPT_AS, JSON.stringify(kept));
    } catch {
      // Storage is forbidden in some frames: the message then comes back with the page.
    }
    this._show();
  }
}

/** Return an address that a link may have; no script can run by it. @param {string} [url] */
function linkOf(url) {
  try {
    const target = url ? new URL(url, location.origin) : null;
    return target && /^https?:$/.test(target.protocol) ? target.href : null;
  } catch {
    return null;
  }
}

/** @returns {string[]} */
function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT_AS) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}
