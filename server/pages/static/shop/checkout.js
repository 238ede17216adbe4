// @ts-check
/**
 * The demo shop's checkout: courses, cart, coupons and total. Every amount comes from a quote of
 * the shop's back end, requested again after each change; nothing here computes a discount.
 */

import { errorText } from "/sdk/texts.js";
import { ApiError } from "/sdk/transport.js";
import { setText, show } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { CartModel } from "./cart-model.js";
import { CartView } from "./cart-view.js";
import { CouponPicker } from "./coupon-picker.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { Refresher } from "../shared/refresh.js";
import { applyLinkParameters } from "./link-parameters.js";
import { Language } from "../shared/language.js";
import { showWhenOffline } from "../shared/offline-note.js";
import { CourseList } from "./course-list.js";
import { ShopApi } from "./shop-api.js";
import { shopMessages } from "./messages-shop.js";
import { balancePart, totalRows } from "./totals.js";
import { claimsOf } from "../shared/token.js";
import { CodeForm } from "./code-form.js";
import { reasonText } from "./discount-text.js";
import { asApiError } from "../shared/api-errors.js";

/** @typedef {import("./shop-api.js").Catalogue} Catalogue */
/** @typedef {import("./shop-api.js").Quote} Quote */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */

const MOST_OF_WALLET = 100;

class Checkout {
  /**
   * @param {ShopApi} api
   * @param {Catalogue} catalogue
   * @param {CartModel} cart
   * @param {Language} language
   */
  constructor(api, catalogue, cart, language) {
    this._api = api;
    this._catalogue = catalogue;
    this._cart = cart;
    this._language = language;
    this._courseList = new CourseList(element("shelf"), catalogue, (course) => this._add(course));
    this._cartView = new CartView(element("lines"), element("cart-title"), catalogue, cart);
    this._couponPicker = new CouponPicker(
      (code, isTicked) => this._tick(code, isTicked),
      (codes) => this._take(codes),
    );
    /** @type {Map<string, WalletCoupon>} */
    this._wallet = new Map();
    /** @type {Quote|null} */
    this._quote = null;
    /** @type {() => string} */
    this._trouble = () => "";
    this._lastRequest = 0;
    this._isSwapped = false;
    this._isPaying = false;
    new CodeForm(
      api,
      language,
      () => this._wallet.keys(),
      (code) => this._taken(code),
    );
    element("pay").addEventListener("click", () => void this._place());
    balanceBox().addEventListener("change", () => cart.useBalance(balanceBox().checked));
    cart.addEventListener("change", () => void this._ask());
    language.addEventListener("change", () => this._show());
    // The student came back from the order's page: no payment is under way, and the order's coupons
    // are locked or used.
    addEventListener("pageshow", ({ persisted }) => persisted && void this.start());
    this._refresher = new Refresher(() => this._isPaying || void this.start());
    showWhenOffline(language, () => this._refresher.ask());
  }

  async start() {
    this._isPaying = false;
    this._cart.keepOnly((course) => this._catalogue.courses.some(({ id }) => id === course));
    this._show();
    await Promise.all([this._loadWallet(), this._lookForOpenOrder()]);
    applyLinkParameters(this._cart, this._catalogue, this._wallet);
    await this._ask();
    document.body.dataset.ready = "true";
  }

  /** Read the coupons' names and values; a quote has only their codes. */
  async _loadWallet() {
    try {
      const { coupons } = await this._api.myCoupons({ limit: MOST_OF_WALLET });
      this._wallet = new Map(coupons.map((coupon) => [coupon.code, coupon]));
    } catch {
      // The codes are shown instead of the names; the quote reports any lasting error.
    }
  }

  /**
   * Look for an unpaid order of this cart: its coupons are locked until it is paid or cancelled.
   */
  async _lookForOpenOrder() {
    const { orderId } = this._cart;
    try {
      const { orders } = await this._api.orders();
      const own = orders.find(({ id }) => id === orderId);
      if (own?.state === "redeemed" || own?.state === "cancelled") this._cart.renewOrder();
      const isOpen = own?.state === "locked" && Date.parse(own.expires_at) > this._api.clock.now();
      show(element("open-order"), isOpen);
      element("open-order-link").setAttribute(
        "href",
        `/orders?order=${encodeURIComponent(orderId)}`,
      );
    } catch {
      // The quote says which coupons are locked.
    }
  }

  /** @param {string} course */
  _add(course) {
    const inCart = this._cart.quantityOf(course);
    if (inCart < this._catalogue.most_of_one) this._cart.put(course, inCart + 1);
  }

  /**
   * Select or deselect a coupon. The last selected comes first: it is kept if two cannot be
   * combined.
   * @param {string} code @param {boolean} isTicked
   */
  _tick(code, isTicked) {
    const others = this._cart.ticked.filter((each) => each !== code);
    this._isSwapped = false;
    this._cart.tick(isTicked ? [code, ...others] : others);
  }

  /** @param {readonly string[]} codes the best choice */
  _take(codes) {
    this._isSwapped = false;
    this._cart.tick(codes);
  }

  /** Select the coupon of a code that was typed. @param {string} code */
  async _taken(code) {
    await this._loadWallet();
    this._tick(code, true);
  }

  /** Request a quote. If answers overtake each other, the one to the last request is shown. */
  async _ask() {
    const request = ++this._lastRequest;
    this._cartView.show(this._quote, this._language);
    this._courseList.show(this._cart, this._language);
    this._setBusy(true);
    try {
      const quote = this._cart.isEmpty ? null : await this._quoteNow();
      if (request !== this._lastRequest) return;
      this._quote = quote;
      this._say(() => "");
    } catch (error) {
      if (request !== this._lastRequest) return;
      this._say(() => this._words(error));
    }
    this._setBusy(false);
    this._show();
  }

  /**
   * Quote the cart. Coupons that cannot be combined with the last selected are deselected and the
   * rest is quoted again, so that they are listed as usable.
   * @returns {Promise<Quote>}
   */
  async _quoteNow() {
    const { lines, ticked, usesBalance: use_balance, orderId: order_id } = this._cart;
    const quote = await this._api.quoteCart({ lines, coupons: ticked, use_balance, order_id });
    const clashing = quote.unusable.filter(
      ({ reason }) => reason === "not_combinable" || reason === "too_many",
    );
    if (!clashing.length) return quote;
    const dropped = new Set(clashing.map(({ code }) => code));
    this._isSwapped = true;
    this._cart.ticked = ticked.filter((code) => !dropped.has(code));
    return this._api.quoteCart({ lines, coupons: this._cart.ticked, use_balance, order_id });
  }

  /**
   * Place the order with the applied coupons only: the other selected ones stay for a larger order.
   */
  async _place() {
    const quote = this._quote;
    if (!quote || this._isPaying || element("pay").getAttribute("aria-disabled") === "true") return;
    this._isPaying = true;
    this._show();
    const { orderId, lines } = this._cart;
    const coupons = quote.applied.map(({ code }) => code);
    try {
      const balance = quote.balance.used;
      await this._api.place(orderId, { lines, coupons, balance, expected_payable: quote.payable });
      this._refresher.tell();
      location.assign(`/orders?order=${encodeURIComponent(orderId)}`);
    } catch (error) {
      this._isPaying = false;
      if (error instanceof ApiError && error.code === "wrong_state") this._cart.renewOrder();
      await this._loadWallet();
      await this._ask();
      this._say(() => this._words(error));
      this._show();
    }
  }

  /** @param {unknown} error */
  _words(error) {
    const { code, facts } = asApiError(error);
    if (code === "wrong_state") return this._language.say("order_over");
    const refused = /** @type {import("./shop-api.js").Unusable[]} */ (facts.coupons ?? []);
    if (refused.length === 0) return errorText(code, this._language.current, facts);
    const told = refused.map((each) => {
      const name = this._wallet.get(each.code)?.name ?? each.code;
      return `${name}: ${reasonText(each, this._catalogue.currency, this._language)}`;
    });
    return [errorText(code, this._language.current, facts), ...told].join(" ");
  }

  /** @param {() => string} words called again when the language changes */
  _say(words) {
    this._trouble = words;
  }

  /** @param {boolean} isBusy true while a quote is under way: no price is shown */
  _setBusy(isBusy) {
    element("sums").toggleAttribute("aria-busy", isBusy);
    element("pay").setAttribute("aria-disabled", String(isBusy || !this._quote || this._isPaying));
  }

  _show() {
    const language = this._language;
    const { isEmpty, ticked } = this._cart;
    const quote = isEmpty ? null : this._quote;
    this._cartView.show(quote, language);
    this._courseList.show(this._cart, language);
    show(element("cart-empty"), isEmpty);
    show(element("coupons-panel"), !isEmpty);
    show(element("total-panel"), !isEmpty);
    show(element("trouble"), this._trouble() !== "");
    setText(element("trouble"), this._trouble());
    setText(element("pay"), language.say(this._isPaying ? "one_moment" : "pay"));
    if (!quote) return;
    this._couponPicker.show({
      quote,
      ticked,
      wallet: this._wallet,
      courses: this._catalogue.courses,
      language,
    });
    this._showHint(quote);
    this._showBalance(quote);
    element("sums").replaceChildren(...totalRows(quote, language));
    this._setBusy(element("sums").hasAttribute("aria-busy"));
    const amounts = {
      payable: this._money(quote.payable),
      discount: this._money(quote.discount - balancePart(quote)),
    };
    setText(element("to-pay"), amounts.payable);
    setText(element("total-said"), language.say("total_said", amounts));
  }

  /** @param {Quote} quote */
  _showHint(quote) {
    const hasNone = quote.usable.length === 0 && quote.unusable.length === 0;
    show(element("coupons-hint"), this._isSwapped || hasNone);
    setText(
      element("coupons-hint"),
      this._language.say(this._isSwapped ? "swapped" : "no_coupons"),
    );
  }

  /** Show the balance. A negative one cannot be used, but is shown. @param {Quote} quote */
  _showBalance({ balance: { available, used } }) {
    const key = available < 0 ? "balance_owes" : used > 0 ? "balance_takes" : "balance_has";
    const amounts = {
      has: this._money(Math.abs(available)),
      used: this._money(used),
      left: this._money(available - used),
    };
    show(element("balance-row"), available !== 0);
    balanceBox().checked = this._cart.usesBalance && available > 0;
    balanceBox().disabled = available < 0;
    setText(element("balance-text"), this._language.say(key, amounts));
  }

  /** @param {number} minor */
  _money(minor) {
    return money(minor, this._catalogue.currency, this._language.current, true);
  }
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const balanceBox = () => /** @type {HTMLInputElement} */ (element("balance"));

/** @param {string} token @param {Language} language */
async function open(token, language) {
  const api = new ShopApi(once(token, expiryNotice(language)));
  try {
    const catalogue = await api.catalogue();
    const cart = new CartModel(claimsOf(token).sub ?? "");
    await new Checkout(api, catalogue, cart, language).start();
  } catch (error) {
    const code = asApiError(error).code;
    element("shop").hidden = true;
    const say = () => setText(element("trouble"), closedText(code, language));
    show(element("trouble"), true);
    language.addEventListener("change", say);
    say();
  }
}

/**
 * Return the text for a school with a shop of its own: this page then only shows the code to use
 * there.
 * @param {string} code @param {Language} language
 */
function closedText(code, language) {
  if (code !== "not_found") return errorText(code, language.current);
  const coupon = new URLSearchParams(location.search).get("coupon");
  return coupon ? language.say("no_shop_coupon", { coupon }) : language.say("no_shop");
}

const language = new Language(shopMessages);
language.switchWith(element("language"));
const token = admit("checkout", ["student"], language);
if (token) void open(token, language);
else {
  element("shop").hidden = true;
}
