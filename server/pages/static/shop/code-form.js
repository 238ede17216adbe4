// @ts-check
/** The form for a typed code: puts its coupon into the wallet and selects it. */

import { errorText } from "/sdk/texts.js";
import { setText, show } from "/sdk/element/dom.js";
import { shopMessages } from "./messages-shop.js";
import { asApiError } from "../shared/api-errors.js";

/** @typedef {import("../shared/language.js").Language} Language */

/**
 * Return the code as the server compares it: without case, spaces and dashes. @param {string} code
 */
const plain = (code) => code.toUpperCase().replace(/[\s-]/g, "");

export class CodeForm {
  /**
   * @param {import("./shop-api.js").ShopApi} api
   * @param {Language} language
   * @param {() => Iterable<string>} known the codes of the wallet
   * @param {(code: string) => Promise<void>} taken
   */
  constructor(api, language, known, taken) {
    this._api = api;
    this._language = language;
    this._known = known;
    this._taken = taken;
    this._status = () => "";
    const form = /** @type {HTMLFormElement} */ (document.getElementById("code-form"));
    this._input = /** @type {HTMLInputElement} */ (document.getElementById("code"));
    this._trouble = /** @type {HTMLElement} */ (document.getElementById("code-trouble"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._take(this._input.value.trim());
    });
    language.addEventListener("change", () => this._show());
  }

  /** @param {string} typed */
  async _take(typed) {
    if (!typed || this._isBusy) return;
    this._isBusy = true;
    try {
      const own = [...this._known()].find((code) => plain(code) === plain(typed));
      const code = own ?? (await this._api.bindCoupon(typed)).code;
      this._say(() => "");
      this._input.value = "";
      await this._taken(code);
    } catch (error) {
      this._say(() => this._words(error));
    } finally {
      this._isBusy = false;
    }
  }

  /** @param {unknown} error */
  _words(error) {
    const { code, retryAfterMs, facts } = asApiError(error);
    const key = `code_${code}`;
    if (!Object.prototype.hasOwnProperty.call(shopMessages, key))
      return errorText(code, this._language.current, facts);
    return this._language.say(key, { n: Math.ceil((retryAfterMs ?? 1000) / 1000) });
  }

  /** @param {() => string} words in the language of the moment */
  _say(words) {
    this._status = words;
    this._show();
  }

  _show() {
    const text = this._status();
    show(this._trouble, text !== "");
    setText(this._trouble, text);
    this._input.setAttribute("aria-invalid", String(text !== ""));
  }
}
