// @ts-check
/**
 * The sample checkout: cart, coupons and total. Every figure comes from a quote of the server, asked
 * anew after each change; nothing here computes a discount.
 */

import { Api, ApiError, errorText } from "/sdk/index.js";
import { h, setText, show } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { Cart } from "./cart.js";
import { Choices } from "./choices.js";
import { askForLink } from "./connection.js";
import { Language } from "./language.js";
import { CURRENCY, orderOf } from "./shop.js";
import { takeToken } from "./token.js";

/** @typedef {import("/sdk/shapes.js").Quote} Quote */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */

const EMPTY = { subtotal: 0, discount: 0, payable: 0, lines: [], applied: [], usable: [], unusable: [],
  best: { codes: [], discount: 0, exact: true } };

class Checkout {
  /**
   * @param {string} token
   * @param {Language} language
   */
  constructor(token, language) {
    this._api = new Api({ url: location.origin, getToken: () => token });
    this._language = language;
    this._cart = new Cart(element("lines"));
    this._choices = new Choices((code, isTicked) => this._tick(code, isTicked));
    /** The one ticked last comes first: it is applied first. @type {string[]} */
    this._ticked = new URLSearchParams(location.search).getAll("coupon");
    /** @type {Map<string, WalletCoupon>} */
    this._wallet = new Map();
    /** @type {Quote} */
    this._quote = EMPTY;
    this._asked = 0;
    this._isSwapped = false;
    this._cart.addEventListener("change", () => void this._ask());
    language.addEventListener("change", () => this._show());
  }

  async start() {
    this._show();
    await Promise.all([this._ask(), this._loadWallet()]);
    this._show();
  }

  /** Names and worth of coupons that the quote only gives the code of. */
  async _loadWallet() {
    try {
      const { coupons } = await this._api.myCoupons();
      this._wallet = new Map(coupons.map((coupon) => [coupon.code, coupon]));
    } catch {
      // The codes are shown in place of the names; the quote tells of any real trouble.
    }
  }

  /** @param {string} code @param {boolean} isTicked */
  _tick(code, isTicked) {
    const others = this._ticked.filter((each) => each !== code);
    this._ticked = isTicked ? [code, ...others] : others;
    this._isSwapped = false;
    void this._ask();
  }

  /** Of answers that overtake each other the last question's is shown. */
  async _ask() {
    const asked = ++this._asked;
    const order = orderOf(this._cart.quantities);
    this._cart.show(this._quote.lines, this._language);
    element("sums").setAttribute("aria-busy", "true");
    try {
      const quote = order ? await this._quoteOf(order) : EMPTY;
      if (asked !== this._asked) return;
      this._quote = quote;
      this._fail(null);
    } catch (error) {
      if (asked !== this._asked) return;
      this._fail(error);
    }
    element("sums").removeAttribute("aria-busy");
    this._show();
  }

  /**
   * What cannot be combined with the one just ticked is unticked, and the rest quoted again, so that
   * it stands among the usable ones.
   * @param {import("/sdk/shapes.js").Order} order
   * @returns {Promise<Quote>}
   */
  async _quoteOf(order) {
    const quote = await this._api.quote({ order, coupons: this._ticked });
    const clashing = quote.unusable.filter(({ reason }) => reason === "not_combinable");
    if (!clashing.length) return quote;
    const dropped = new Set(clashing.map(({ code }) => code));
    this._ticked = this._ticked.filter((code) => !dropped.has(code));
    this._isSwapped = true;
    return this._api.quote({ order, coupons: this._ticked });
  }

  /** @param {unknown} error null where all is well */
  _fail(error) {
    const trouble = element("trouble");
    show(trouble, error !== null);
    const code = error instanceof ApiError ? error.code : "other";
    setText(trouble, error === null ? "" : errorText(code, this._language.current));
  }

  _show() {
    const language = this._language;
    const isEmpty = orderOf(this._cart.quantities) === null;
    this._cart.show(this._quote.lines, language);
    this._choices.show(this._quote, this._ticked, this._wallet, language);
    this._showHint(isEmpty);
    const sums = ["subtotal", "discount", "payable"].map((name) => this._sum(name));
    element("sums").replaceChildren(...sums.flat());
    const { payable, discount } = this._quote;
    setText(element("total-said"), language.say("total_said", { payable: this._money(payable), discount: this._money(discount) }));
    setText(element("pay"), language.say("pay"));
    setText(element("pay-note"), language.say("pay_note"));
  }

  /** @param {boolean} isEmpty */
  _showHint(isEmpty) {
    const hint = element("coupons-hint");
    const key = isEmpty ? "cart_empty" : this._isSwapped ? "swapped" : "no_coupons";
    show(hint, isEmpty || this._isSwapped || this._quote.usable.length === 0);
    setText(hint, this._language.say(key));
  }

  /** @param {string} name */
  _sum(name) {
    const value = /** @type {number} */ (/** @type {any} */ (this._quote)[name]);
    return [
      h("dt", { "data-sum": name }, this._language.say(name)),
      h("dd", { "data-sum": name, class: "figure" }, this._money(name === "discount" ? -value : value)),
    ];
  }

  /** @param {number} minor */
  _money(minor) {
    return money(minor === 0 ? 0 : minor, CURRENCY, this._language.current, true);
  }
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const token = takeToken("checkout");
const language = new Language();
language.switchWith(element("language"));
document.title = "Classdrop";
if (token) void new Checkout(token, language).start();
else askForLink(language);
