// @ts-check
/** The wallet: a student's coupons by state, page by page, a field for a code, messages and the balance. */

import { errorText } from "/sdk/texts.js";
import { drawEach, fill, h, setText, show } from "/sdk/element/dom.js";
import { Inbox } from "../room/inbox.js";
import { CartModel } from "../shop/cart-model.js";
import { CodeForm } from "../shop/code-form.js";
import { shopMessages } from "../shop/messages-shop.js";
import { ShopApi } from "../shop/shop-api.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { asApiError } from "../shared/api-errors.js";
import { Language } from "../shared/language.js";
import { showWhenOffline } from "../shared/offline-note.js";
import { Refresher } from "../shared/refresh.js";
import { claimsOf, useInNewTab } from "../shared/token.js";
import { AccountPart } from "./account.js";
import { couponRow } from "./coupon-row.js";
import { walletMessages } from "./messages-wallet.js";

/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */
/** @typedef {import("../shop/shop-api.js").Unusable} Unusable */

const PAGE = 30;
const FILTERS = ["usable", "redeemed", "expired", "all"];

class WalletPage {
  /**
   * @param {string} token
   * @param {ShopApi} api
   * @param {Language} language
   */
  constructor(token, api, language) {
    this._token = token;
    this._api = api;
    this._language = language;
    this._cart = new CartModel(claimsOf(token).sub ?? "");
    this._filter = filterOfAddress();
    /** @type {WalletCoupon[]} */
    this._coupons = [];
    this._pending = 0;
    /** @type {string|null} */
    this._next = null;
    this._asked = 0;
    this._isLoaded = false;
    this._isReading = false;
    /** @type {() => string} */
    this._trouble = () => "";
    /** Course id to its names. @type {Map<string, import("../shop/shop-api.js").Name>} */
    this._names = new Map();
    /** @type {Map<string, Unusable>} */
    this._missing = new Map();
    /** @type {Set<string>} */
    this._fitting = new Set();
    this._account = new AccountPart(api, language);
    this._refresher = new Refresher(() => void this.load());
    new CodeForm(
      api,
      language,
      () => [],
      (code) => this._taken(code),
    );
    this._listen();
  }

  _listen() {
    element("filters").addEventListener("click", (click) => {
      const button = /** @type {Element} */ (click.target).closest("button");
      if (button) this._choose(button.dataset.filter ?? "usable");
    });
    element("more").addEventListener("click", () => void this._readMore());
    new IntersectionObserver((seen) => {
      if (seen.some(({ isIntersecting }) => isIntersecting)) void this._readMore();
    }).observe(element("more"));
    this._language.addEventListener("change", () => this._show());
    showWhenOffline(this._language, () => this._refresher.ask());
  }

  /** Read the first page again, with what stands beside it. */
  async load() {
    await Promise.all([this._read(), this._account.load(), this._readShop()]);
  }

  /** @param {string} filter */
  _choose(filter) {
    this._filter = filter;
    const address = new URL(location.href);
    address.searchParams.set("state", filter);
    history.replaceState(history.state, "", address);
    this._coupons = [];
    this._next = null;
    this._isLoaded = false;
    this._show();
    void this._read();
  }

  async _read() {
    const asked = (this._asked += 1);
    await this._try(async () => {
      const state = this._filter === "all" ? undefined : this._filter;
      const [page, locked] = await Promise.all([
        this._api.myCoupons({ limit: PAGE, state }),
        this._filter === "usable" ? this._api.myCoupons({ limit: PAGE, state: "locked" }) : null,
      ]);
      if (asked !== this._asked) return;
      this._coupons = [...(locked?.coupons ?? []), ...page.coupons];
      this._pending = page.pending.length;
      this._next = page.next;
      this._isLoaded = true;
    });
  }

  /** Read the next page, where there is one and none is being read. */
  async _readMore() {
    const { _next: after, _asked: asked } = this;
    if (!after || this._isReading) return;
    this._isReading = true;
    await this._try(async () => {
      const state = this._filter === "all" ? undefined : this._filter;
      const page = await this._api.myCoupons({ limit: PAGE, state, after });
      if (asked !== this._asked) return;
      const known = new Set(this._coupons.map(({ id }) => id));
      this._coupons = [...this._coupons, ...page.coupons.filter(({ id }) => !known.has(id))];
      this._next = page.next;
    });
    this._isReading = false;
  }

  /** Read the names of courses, and what the student's cart lacks. A school without our shop has neither. */
  async _readShop() {
    try {
      const { courses } = await this._api.catalogue();
      this._names = new Map(courses.map(({ id, name }) => [id, name]));
      const { lines, orderId: order_id, isEmpty } = this._cart;
      if (!isEmpty) {
        const quote = await this._api.quoteCart({
          lines,
          coupons: [],
          use_balance: false,
          order_id,
        });
        this._missing = new Map(
          quote.unusable
            .filter(({ reason }) => reason === "below_threshold")
            .map((one) => [one.code, one]),
        );
        this._fitting = new Set(quote.usable.map(({ code }) => code));
      }
    } catch {
      // The rows then show the ids of courses, and nothing of a cart.
    }
    this._show();
  }

  /** @param {() => Promise<void>} job */
  async _try(job) {
    try {
      await job();
      this._trouble = () => "";
    } catch (error) {
      const { code, facts } = asApiError(error);
      this._trouble = () => errorText(code, this._language.current, facts);
    }
    this._show();
  }

  /** @param {string} code */
  async _taken(code) {
    this._filter = "usable";
    await this.load();
    this._refresher.tell();
    const name = this._coupons.find((one) => one.code === code)?.name ?? code;
    setText(element("code-said"), this._language.say("code_taken", { name }));
  }

  _show() {
    const language = this._language;
    for (const button of element("filters").querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.filter === this._filter));
    show(element("wallet-trouble"), this._trouble() !== "");
    setText(element("wallet-trouble"), this._trouble());
    show(element("wallet-empty"), this._isLoaded && this._coupons.length === 0);
    setText(element("wallet-empty"), language.say(`none_${this._filter}`));
    show(element("pending"), this._pending > 0 && this._filter === "usable");
    setText(element("pending"), language.say("pending_n", { n: this._pending }));
    const open = new Set([...document.querySelectorAll("#coupons details[open]")].map(couponOf));
    fill(element("coupons"), ...drawEach(this._coupons, (one) => this._row(one), plainRow));
    for (const box of document.querySelectorAll("#coupons details"))
      if (open.has(couponOf(box))) box.setAttribute("open", "");
    show(element("more"), this._next !== null);
  }

  /** @param {WalletCoupon} coupon */
  _row(coupon) {
    return couponRow(coupon, {
      language: this._language,
      now: () => this._api.clock.now(),
      nameOf: (id) => this._names.get(id)?.[this._language.current] ?? id,
      missing: this._missing.get(coupon.code),
      fits: this._fitting.has(coupon.code),
      fetchQr: (id) => this._api.couponQr(id),
      use: (href, click) => {
        const use = new CustomEvent("use", { detail: { href }, cancelable: true });
        useInNewTab(use, this._token);
        if (use.defaultPrevented) click.preventDefault();
      },
    });
  }
}

/** Return what can be shown of a coupon with unexpected content. @param {WalletCoupon} coupon */
function plainRow({ name, code }) {
  return h(
    "li",
    { class: "coupon", "data-state": "over" },
    h("div", { class: "worth" }, "?"),
    h("div", { class: "facts" }, h("strong", null, String(name ?? "")), h("code", null, code)),
  );
}

/** @param {Element} box */
const couponOf = (box) => box.closest("li")?.getAttribute("data-coupon");

function filterOfAddress() {
  const asked = new URLSearchParams(location.search).get("state") ?? "";
  return FILTERS.includes(asked) ? asked : "usable";
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const language = new Language({ ...shopMessages, ...walletMessages });
language.switchWith(element("language"));
const token = admit("checkout", ["student"], language);
if (token) {
  const expired = expiryNotice(language);
  const api = new ShopApi(once(token, expired));
  new Inbox(once(token, expired), language);
  void new WalletPage(token, api, language).load();
} else show(element("wallet"), false);
