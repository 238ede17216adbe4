// @ts-check
/**
 * The student's coupons at the checkout: what each saves, the best one marked, and why the others
 * cannot be used. Rows are kept by code, so that ticking one keeps its focus.
 */

import { h, place, setText, show } from "/sdk/element/dom.js";
import { dateText, money, shortValue } from "/sdk/element/value.js";
import { CURRENCY } from "./shop.js";
import { words } from "./words.js";

/** @typedef {import("./language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").Quote} Quote */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */

class Choice {
  /**
   * @param {string} code
   * @param {(code: string, isTicked: boolean) => void} ticked
   */
  constructor(code, ticked) {
    this.box = h("input", { type: "checkbox", value: code, onchange: () => ticked(code, this.box.checked) });
    this.worth = h("span", { class: "worth" });
    this.name = h("strong");
    this.facts = h("span", { class: "hint" });
    this.saves = h("span", { class: "saves figure" });
    this.best = h("span", { class: "best" });
    this.root = h("li", null, h("label", { class: "choice" }, this.box, this.worth,
      h("span", { class: "what" }, this.name, this.facts), h("span", { class: "gain" }, this.saves, this.best)));
  }

  /**
   * @param {Quote["usable"][number]} usable
   * @param {boolean} isTicked
   * @param {boolean} isBest
   * @param {WalletCoupon|undefined} coupon
   * @param {Language} language
   */
  update(usable, isTicked, isBest, coupon, language) {
    this.box.checked = isTicked;
    setText(this.worth, worth(coupon, language));
    setText(this.name, usable.name);
    setText(this.facts, language.say("use_by", { at: dateText(usable.use_by, language.current) }));
    setText(this.saves, language.say("saves", { amount: money(usable.discount, CURRENCY, language.current) }));
    show(this.best, isBest);
    setText(this.best, language.say("best"));
  }
}

export class Choices {
  /** @param {(code: string, isTicked: boolean) => void} ticked */
  constructor(ticked) {
    this._ticked = ticked;
    /** @type {Map<string, Choice>} */
    this._rows = new Map();
    this._usable = element("choices");
    this._unusable = element("unusable");
  }

  /**
   * @param {Quote} quote
   * @param {readonly string[]} ticked
   * @param {ReadonlyMap<string, WalletCoupon>} wallet by code
   * @param {Language} language
   */
  show(quote, ticked, wallet, language) {
    for (const code of this._rows.keys()) {
      if (!quote.usable.some((usable) => usable.code === code)) this._rows.delete(code);
    }
    const rows = quote.usable.map((usable) => {
      const row = this._rowOf(usable.code);
      const isBest = quote.best.codes.includes(usable.code);
      row.update(usable, ticked.includes(usable.code), isBest, wallet.get(usable.code), language);
      return row.root;
    });
    place(this._usable, rows);
    this._showUnusable(quote, wallet, language);
  }

  clear() {
    this._rows.clear();
    this._usable.replaceChildren();
    show(element("unusable-box"), false);
  }

  /** @param {string} code */
  _rowOf(code) {
    const row = this._rows.get(code) ?? new Choice(code, this._ticked);
    this._rows.set(code, row);
    return row;
  }

  /**
   * @param {Quote} quote
   * @param {ReadonlyMap<string, WalletCoupon>} wallet
   * @param {Language} language
   */
  _showUnusable({ unusable }, wallet, language) {
    show(element("unusable-box"), unusable.length > 0);
    setText(element("unusable-count"), language.say("unusable_count", { n: unusable.length }));
    this._unusable.replaceChildren(
      ...unusable.map((each) => {
        const coupon = wallet.get(each.code);
        return h("li", { class: "choice", "data-unusable": true },
          h("span", { class: "worth" }, worth(coupon, language)),
          h("span", { class: "what" }, h("strong", null, coupon?.name ?? each.code),
            h("span", { class: "hint" }, reasonText(each, language))));
      }),
    );
  }
}

/**
 * @param {Quote["unusable"][number]} unusable
 * @param {Language} language
 */
function reasonText({ reason, short_by }, language) {
  if (reason === "below_threshold" && short_by) {
    return language.say("spend_more", { amount: money(short_by, CURRENCY, language.current) });
  }
  return language.say(Object.hasOwn(words, `reason_${reason}`) ? `reason_${reason}` : "reason_other");
}

/**
 * @param {WalletCoupon|undefined} coupon
 * @param {Language} language
 */
function worth(coupon, language) {
  const { discount, currency } = /** @type {any} */ (coupon?.template ?? {});
  return discount ? shortValue(discount, currency, language.current) : "";
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
