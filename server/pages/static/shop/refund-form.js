// @ts-check
/**
 * The operator's refund: a number of pieces of each line. The server first says what would be paid
 * back and what becomes of each coupon; only then is the refund confirmed and made.
 */

import { fill, h, setText, show } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { fateOf, returnedOf } from "./order-view.js";
import { newId } from "./shop-api.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("./shop-api.js").Order} Order */
/** @typedef {import("./shop-api.js").Refund} Refund */
/** @typedef {{refund_id: string, lines: {id: string, quantity: number}[]}} RefundBody */
/** @typedef {{preview: (body: RefundBody) => Promise<Refund|null>, refund: (body: RefundBody) => Promise<boolean>}} Calls null, false: it was not done, and the page says why */

export class RefundForm {
  /**
   * @param {Language} language
   * @param {Calls} calls
   */
  constructor(language, calls) {
    this._language = language;
    this._calls = calls;
    /** @type {{body: RefundBody, refund: Refund}|null} the refund that waits for confirmation */
    this._preview = null;
    /** @type {Map<string, number>} pieces by line */
    this._chosen = new Map();
    this._id = newId("rfd");
    this._isBusy = false;
    this._list = element("refund-lines");
    this._button = element("refund");
    this._all = element("refund-all");
    this._confirm = element("refund-confirm");
    this._button.addEventListener("click", () => void this._ask());
    this._confirm.addEventListener("click", () => void this._pay());
    element("refund-not-now").addEventListener("click", () => this._askNot());
    this._all.addEventListener("click", () => this._chooseAll());
  }

  /** @param {Order} order */
  show(order) {
    this._order = order;
    const open = order.lines.filter((line) => left(order, line) > 0);
    show(element("refund-panel"), order.state === "redeemed" && open.length > 0);
    const focused = document.activeElement?.getAttribute("aria-label");
    this._list.replaceChildren(...open.map((line) => this._row(order, line)));
    const again = [...this._list.querySelectorAll("button")].find(
      (each) => each.getAttribute("aria-label") === focused,
    );
    again?.focus();
    const pieces = [...this._chosen.values()].reduce((sum, n) => sum + n, 0);
    setText(
      this._button,
      this._language.say(pieces ? "refund_press" : "refund_none", { n: pieces }),
    );
    this._button.setAttribute("aria-disabled", String(pieces === 0 || this._isBusy));
    show(this._button, this._preview === null);
    show(element("refund-ask"), this._preview !== null);
    if (this._preview) this._showPreview(order, this._preview.refund);
  }

  /** @param {Order} order @param {Refund} refund */
  _showPreview(order, { refunded, balance, charged_back: charged = 0, coupons }) {
    const say = (/** @type {string} */ key, /** @type {number} */ minor) =>
      this._language.say(key, {
        amount: money(minor, order.currency, this._language.current, true),
      });
    fill(
      element("refund-sums"),
      h("dt", null, this._language.say("refund_sum")),
      h("dd", { class: "figure" }, money(refunded, order.currency, this._language.current, true)),
      charged !== 0 &&
        h(
          "dd",
          { class: "note" },
          say(charged > 0 ? "charged_back" : "charge_undone", Math.abs(charged)),
        ),
      balance > 0 && h("dt", null, this._language.say("balance_back")),
      balance > 0 &&
        h("dd", { class: "figure" }, money(balance, order.currency, this._language.current, true)),
    );
    fill(
      element("refund-fates"),
      ...coupons.map((coupon) =>
        h(
          "li",
          { class: "used", "data-fate": coupon.code },
          h(
            "div",
            { class: "what" },
            h(
              "strong",
              null,
              order.coupons.find(({ code }) => code === coupon.code)?.name ?? coupon.code,
            ),
            h("span", { class: "became" }, this._language.say(fateOf(coupon))),
          ),
        ),
      ),
    );
    setText(this._confirm, say("refund_confirm", refunded));
    this._confirm.setAttribute("aria-disabled", String(this._isBusy));
  }

  /** @param {Order} order @param {import("./shop-api.js").Line} line */
  _row(order, line) {
    const name = line.name[this._language.current];
    const most = left(order, line);
    const chosen = this._chosen.get(line.id) ?? 0;
    const step = (
      /** @type {number} */ by,
      /** @type {string} */ key,
      /** @type {string} */ sign,
    ) =>
      h(
        "button",
        {
          type: "button",
          class: "step",
          "aria-label": this._language.say(key, { name }),
          "aria-disabled": String(chosen + by < 0 || chosen + by > most),
          onclick: () => this._choose(line.id, Math.min(most, Math.max(0, chosen + by))),
        },
        sign,
      );
    return h(
      "li",
      { class: "line", "data-refund": line.id },
      h(
        "div",
        { class: "what" },
        h("strong", null, name),
        h("span", { class: "hint" }, this._language.say("refund_left", { n: most })),
      ),
      h(
        "div",
        { class: "steps", role: "group" },
        step(-1, "refund_fewer", "−"),
        h("output", { class: "figure" }, String(chosen)),
        step(1, "refund_more", "+"),
      ),
    );
  }

  /** @param {string} id @param {number} pieces */
  _choose(id, pieces) {
    this._chosen.set(id, pieces);
    this._preview = null;
    if (this._order) this.show(this._order);
  }

  _chooseAll() {
    if (!this._order) return;
    for (const line of this._order.lines) this._chosen.set(line.id, left(this._order, line));
    this._preview = null;
    this.show(this._order);
  }

  /**
   * Preview the refund. Its id stays the same until it is done, so that a second press, or one
   * after a lost answer, pays back once.
   */
  async _ask() {
    const lines = [...this._chosen]
      .filter(([, quantity]) => quantity > 0)
      .map(([id, quantity]) => ({ id, quantity }));
    if (lines.length === 0 || this._isBusy) return;
    const body = { refund_id: this._id, lines };
    const refund = await this._while(() => this._calls.preview(body));
    this._preview = refund && { body, refund };
    this._again();
    if (this._preview) this._confirm.focus();
  }

  _askNot() {
    this._preview = null;
    this._again();
    this._button.focus();
  }

  async _pay() {
    const preview = this._preview;
    if (!preview || this._isBusy) return;
    const isDone = await this._while(() => this._calls.refund(preview.body));
    // After a refusal something has changed: show the preview again.
    this._preview = null;
    if (isDone) {
      this._id = newId("rfd");
      this._chosen.clear();
    }
    this._again();
  }

  /** @template T @param {() => Promise<T>} call @returns {Promise<T>} */
  async _while(call) {
    this._isBusy = true;
    this._again();
    try {
      return await call();
    } finally {
      this._isBusy = false;
    }
  }

  _again() {
    if (this._order) this.show(this._order);
  }
}

/**
 * Return how many pieces can still come back. @param {Order} order @param
 * {import("./shop-api.js").Line} line
 */
function left(order, line) {
  return Math.max(0, line.quantity - returnedOf(order, line.id).quantity);
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
