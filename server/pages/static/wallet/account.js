// @ts-check
/** The balance that rebates left, with its entries page by page. Hidden while there never was one. */

import { fill, h, show } from "/sdk/element/dom.js";
import { dateText, money } from "/sdk/element/value.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").BalanceEntry} BalanceEntry */

const PAGE = 20;

export class AccountPart {
  /**
   * @param {import("/sdk/api.js").Api} api
   * @param {Language} language
   */
  constructor(api, language) {
    this._api = api;
    this._language = language;
    /** @type {import("/sdk/shapes.js").Balance[]} */
    this._balances = [];
    /** @type {BalanceEntry[]} */
    this._entries = [];
    /** @type {string|null} */
    this._next = null;
    element("account-more").addEventListener("click", () => void this._load(this._next));
    language.addEventListener("change", () => this._show());
  }

  /** Read the first page again. */
  load() {
    return this._load(null);
  }

  /** @param {string|null} after */
  async _load(after) {
    try {
      const found = await this._api.myBalance({ limit: PAGE, ...(after ? { after } : {}) });
      const known = new Set(after ? this._entries.map(({ id }) => id) : []);
      this._balances = found.balances;
      this._entries = [
        ...(after ? this._entries : []),
        ...found.entries.filter(({ id }) => !known.has(id)),
      ];
      this._next = found.next;
    } catch {
      // The coupons beside say what is wrong; what was read before stays.
    }
    this._show();
  }

  _show() {
    const { current } = this._language;
    show(element("account"), this._entries.length > 0);
    show(element("account-more"), this._next !== null);
    fill(
      element("balances"),
      ...this._balances.map(({ amount, currency }) =>
        h("li", { class: "figure" }, money(amount, currency, current, true)),
      ),
    );
    fill(
      element("entries"),
      ...this._entries.map(({ at, amount, currency, kind }) =>
        h(
          "li",
          null,
          h(
            "span",
            null,
            this._language.say(`entry_${kind}`),
            h("span", { class: "hint" }, dateText(at, current)),
          ),
          h(
            "span",
            { class: "figure", "data-sign": amount < 0 ? "minus" : "plus" },
            `${amount > 0 ? "+" : ""}${money(amount, currency, current, true)}`,
          ),
        ),
      ),
    );
  }
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
