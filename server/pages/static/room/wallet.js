// @ts-check
/** The student's coupons as the ledger has them, usable ones first. Used by the student's page. */

import { Api } from "/sdk/api.js";
import { couponText, errorText } from "/sdk/texts.js";
import { drawEach, fill, h, setText, show } from "/sdk/element/dom.js";
import { useHref } from "/sdk/element/use-link.js";
import { dateText, shortValue } from "/sdk/element/value.js";
import { Refresher } from "../shared/refresh.js";
import { asApiError } from "../shared/api-errors.js";
import { ServerClock } from "../shared/server-clock.js";
import { Proof } from "./proof.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */

const SHOWN_AT_MOST = 20;
/** A later end is looked at when the page reads again: a browser's timer holds 24 days at most. */
const LOOKS_AHEAD_MS = 24 * 3600 * 1000;

export class Wallet {
  /**
   * @param {() => string} getToken
   * @param {Language} language
   */
  constructor(getToken, language) {
    this._clock = new ServerClock();
    this._api = new Api({ url: location.origin, getToken, fetch: this._clock.fetch });
    this._language = language;
    /** @type {WalletCoupon[]} */
    this._coupons = [];
    /** Coupon id to its proof. @type {Map<string, Proof>} */
    this._proofs = new Map();
    /** @type {(dropId: string) => import("/sdk/shapes.js").DropSeal|undefined} */
    this._sealOf = () => undefined;
    /** @type {string|null} */
    this._error = null;
    this._isLoaded = false;
    language.addEventListener("change", () => this._show());
    this._refresher = new Refresher(() => void this.load());
    void this.load();
  }

  /** A coupon has changed: read again, here and in other tabs. */
  changed() {
    this._refresher.tell();
    this._refresher.ask();
  }

  /** @param {(coupons: WalletCoupon[]) => void} listener called with all coupons after each read */
  onRead(listener) {
    this._learn = listener;
  }

  /** @param {(dropId: string) => import("/sdk/shapes.js").DropSeal|undefined} sealOf what the room was told */
  onSeal(sealOf) {
    this._sealOf = sealOf;
  }

  /** A drop was sealed: say how long its list is. */
  sealed() {
    for (const proof of this._proofs.values()) proof.draw();
  }

  /** Read again. If reads overlap, the last one is shown. */
  async load() {
    const request = (this._lastRequest = (this._lastRequest ?? 0) + 1);
    try {
      const { coupons } = await this._api.myCoupons({ limit: SHOWN_AT_MOST });
      if (request !== this._lastRequest) return;
      this._learn?.(coupons);
      this._coupons = coupons;
      this._error = null;
      this._isLoaded = true;
    } catch (error) {
      this._error = asApiError(error).code;
    }
    this._show();
  }

  /** @param {(event: CustomEvent) => void} listener called for every "use now", with its `href` */
  onUse(listener) {
    this._use = listener;
  }

  _show() {
    const box = /** @type {HTMLElement} */ (document.getElementById("coupons"));
    const trouble = /** @type {HTMLElement} */ (document.getElementById("wallet-trouble"));
    const empty = /** @type {HTMLElement} */ (document.getElementById("wallet-empty"));
    const usable = this._coupons.filter((coupon) => coupon.state === "usable");
    const others = this._coupons.filter((coupon) => coupon.state !== "usable");
    fill(box, ...drawEach([...usable, ...others], (coupon) => this._row(coupon), plainRow));
    show(empty, this._isLoaded && this._coupons.length === 0);
    this._readAtTheEndOf(usable);
    show(trouble, this._error !== null);
    setText(trouble, this._error ? errorText(this._error, this._language.current) : "");
  }

  /**
   * Read again when a coupon's time ends, because the server sends no event then. @param
   * {WalletCoupon[]} usable
   */
  _readAtTheEndOf(usable) {
    clearTimeout(this._end);
    const ends = usable
      .map(({ use_by }) => Date.parse(use_by) - this._clock.now())
      .filter((ms) => ms > 0 && ms < LOOKS_AHEAD_MS);
    // The server's clock is known to half a second.
    if (ends.length > 0)
      this._end = setTimeout(() => this._refresher.ask(), Math.min(...ends) + 1_000);
  }

  /** @param {WalletCoupon} coupon */
  _row(coupon) {
    const isUsable = coupon.state === "usable";
    const by = this._language.say("use_by", {
      at: dateText(coupon.use_by, this._language.current),
    });
    return h(
      "li",
      { class: "coupon", "data-state": isUsable ? "usable" : "over" },
      h("div", { class: "worth" }, worth(coupon, this._language.current)),
      h(
        "div",
        { class: "facts" },
        h("strong", null, coupon.name),
        h("span", { class: "state" }, isUsable ? by : this._stateText(coupon)),
        h("code", null, coupon.code),
        isUsable && h("div", null, this._useLink(coupon)),
        this._proof(coupon),
      ),
    );
  }

  /** Return the line of a coupon that a drop gave, and that it still has.
   * @param {WalletCoupon} coupon */
  _proof({ id, drop_id, state }) {
    if (!drop_id || state === "released" || state === "revoked") return null;
    const known =
      this._proofs.get(id) ??
      new Proof(drop_id, this._api, this._language, () => this._sealOf(drop_id));
    this._proofs.set(id, known);
    known.draw();
    return known.node;
  }

  /** @param {WalletCoupon} coupon */
  _stateText({ state, locked_until, redeemed_at }) {
    const at = state === "locked" ? locked_until : state === "redeemed" ? redeemed_at : undefined;
    const { current } = this._language;
    return at
      ? couponText(state, current, { at: dateText(at, current) })
      : this._language.say(`coupon_${state}`);
  }

  /** @param {WalletCoupon} coupon */
  _useLink(coupon) {
    const { use_url } = /** @type {{use_url?: string}} */ (coupon.template);
    const href = useHref(use_url, coupon.code, location.origin);
    const link = h("a", { href, target: "_blank", rel: "noopener" }, this._language.say("use_now"));
    link.addEventListener("click", (click) => {
      const use = new CustomEvent("use", { detail: { href }, cancelable: true });
      this._use?.(use);
      if (use.defaultPrevented) click.preventDefault();
    });
    return link;
  }
}

/** Return what can be shown of a coupon with unexpected content. @param {WalletCoupon} coupon */
function plainRow({ name, code }) {
  return h(
    "li",
    { class: "coupon", "data-state": "over" },
    h("div", { class: "worth" }, "?"),
    h(
      "div",
      { class: "facts" },
      h("strong", null, String(name ?? "")),
      h("code", null, String(code ?? "")),
    ),
  );
}

/**
 * @param {WalletCoupon} coupon
 * @param {"zh"|"en"} language
 */
function worth(coupon, language) {
  const { discount, currency } = /** @type {any} */ (coupon.template ?? {});
  return discount ? shortValue(discount, currency, language) : "✓";
}
