// @ts-check
/**
 * The language of a page: the browser's, or the one that the person chose and this browser stores.
 * Used by every page; also fills in the texts of templates (`data-say`).
 */

import { setText } from "/sdk/element/dom.js";
import { fillIn, spoken } from "/sdk/element/words.js";
import { messages } from "./messages.js";

/** @typedef {"zh"|"en"} Chosen */

const KEPT_AS = "classdrop.language";

export class Language extends EventTarget {
  /** @param {typeof messages} [more] the messages of a page that has a table of its own */
  constructor(more = {}) {
    super();
    this._words = { ...messages, ...more };
    /** @type {Chosen} */
    this.current = remembered() ?? spoken(navigator.languages);
    this._apply();
  }

  /** Take the messages of a part of the page that is loaded later. @param {typeof messages} more */
  add(more) {
    Object.assign(this._words, more);
  }

  /** @param {string} key @param {Record<string, string|number>} [values] */
  say(key, values) {
    return fillIn(this._words, this.current, key, values);
  }

  /**
   * Make `button` the switch: it names the other language, in that language.
   * @param {HTMLElement} button
   */
  switchWith(button) {
    this._button = button;
    button.addEventListener("click", () => this._choose(this.current === "zh" ? "en" : "zh"));
    this._apply();
  }

  /** @param {Chosen} chosen */
  _choose(chosen) {
    this.current = chosen;
    try {
      localStorage.setItem(KEPT_AS, chosen);
    } catch {
      // Storage is forbidden in some frames: the choice then lasts as long as the page.
    }
    this._apply();
    this.dispatchEvent(new Event("change"));
  }

  _apply() {
    document.documentElement.lang = this.current === "zh" ? "zh-CN" : "en";
    const title = document.querySelector("title");
    if (title?.dataset[this.current]) document.title = title.dataset[this.current] ?? "";
    for (const node of document.querySelectorAll("[data-say]")) {
      setText(node, this.say(node.getAttribute("data-say") ?? ""));
    }
    for (const element of document.querySelectorAll("classdrop-room, classdrop-offer"))
      element.setAttribute("lang", this.current);
    if (!this._button) return;
    setText(this._button, this.current === "zh" ? "English" : "中文");
    this._button.lang = this.current === "zh" ? "en" : "zh-CN";
  }
}

/** @returns {Chosen|null} */
function remembered() {
  try {
    const kept = localStorage.getItem(KEPT_AS);
    return kept === "zh" || kept === "en" ? kept : null;
  } catch {
    return null;
  }
}
