// @ts-check
/**
 * A student's orders, and one of them with `?order=`: to be paid, paid, refunded. An operator sees
 * all orders, and refunds.
 */

import { errorText } from "/sdk/texts.js";
import { drawEach, fill, h, setText, show } from "/sdk/element/dom.js";
import { countdown, dateText, money } from "/sdk/element/value.js";
import { CartModel } from "./cart-model.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { Refresher } from "../shared/refresh.js";
import { Language } from "../shared/language.js";
import { showWhenOffline } from "../shared/offline-note.js";
import { couponNodes, lineNodes, stateOf, timeNodes } from "./order-view.js";
import { orderMessages } from "./messages-orders.js";
import { RefundForm } from "./refund-form.js";
import { ShopApi } from "./shop-api.js";
import { shopMessages } from "./messages-shop.js";
import { totalRows } from "./totals.js";
import { claimsOf } from "../shared/token.js";
import { asApiError } from "../shared/api-errors.js";

/** @typedef {import("./shop-api.js").Order} Order */

class Orders {
  /**
   * @param {ShopApi} api
   * @param {{sub?: string, role?: string}} claims
   * @param {Language} language
   */
  constructor(api, claims, language) {
    this._api = api;
    this._claims = claims;
    this._language = language;
    this._isOperator = claims.role === "operator";
    /** @type {Order[]|null} */
    this._list = null;
    /** @type {Order|null} */
    this._order = null;
    /** @type {() => string} */
    this._trouble = () => "";
    /** @type {() => string} */
    this._done = () => "";
    this._isBusy = false;
    this._searched = 0;
    this._refunds = new RefundForm(language, {
      preview: (body) => this._preview(body),
      refund: (body) => this._refund(body),
    });
    element("pay").addEventListener(
      "click",
      () => void this._do((order) => api.pay(order.id, order.payable)),
    );
    element("cancel").addEventListener(
      "click",
      () => void this._do((order) => api.cancel(order.id)),
    );
    language.addEventListener("change", () => this._show());
    setInterval(() => this._showTime(), 1000);
    const search = /** @type {HTMLInputElement} */ (element("search"));
    search.addEventListener("input", () => void this.start());
    element("search-form").addEventListener("submit", (event) => event.preventDefault());
    this._search = search;
    this._refresher = new Refresher(() => this._isBusy || void this.start());
    showWhenOffline(language, () => this._refresher.ask());
  }

  async start() {
    const id = new URLSearchParams(location.search).get("order");
    const asked = (this._searched += 1);
    await this._try(async () => {
      if (id) {
        this._order = await this._api.order(id);
        return;
      }
      const { orders } = await this._api.orders(this._search.value.trim());
      if (asked === this._searched) this._list = orders; // an older answer may come last
    });
  }

  /** @param {() => Promise<void>} job */
  async _try(job) {
    try {
      await job();
      this._trouble = () => "";
      return true;
    } catch (error) {
      this._trouble = () => troubleText(error, this._language);
      return false;
    } finally {
      this._isBusy = false;
      this._show();
    }
  }

  /**
   * Run a change. Whatever the outcome, the cart's next order gets a new id.
   * @param {(order: Order) => Promise<Order>} change
   */
  async _do(change) {
    const { _order: order } = this;
    if (!order || this._isBusy) return;
    this._isBusy = true;
    this._show();
    const isDone = await this._try(async () => {
      this._order = await change(order);
    });
    if (!isDone) return this._lookAgain(order.id);
    this._refresher.tell();
    const cart = new CartModel(this._claims.sub ?? "");
    if (cart.orderId !== order.id) return;
    if (this._order?.state === "redeemed") cart.clear();
    else cart.renewOrder();
  }

  /**
   * Read the order again after a refusal: it may have changed in another tab. @param {string} id
   */
  async _lookAgain(id) {
    try {
      this._order = await this._api.order(id);
      this._show();
    } catch {
      // The error that is shown already says more.
    }
  }

  /** @param {import("./refund-form.js").RefundBody} body */
  async _preview(body) {
    /** @type {import("./shop-api.js").Refund|null} */
    let seen = null;
    await this._try(async () => {
      seen = await this._api.previewRefund(this._order?.id ?? "", body);
    });
    return seen;
  }

  /** @param {import("./refund-form.js").RefundBody} body */
  _refund(body) {
    const id = this._order?.id ?? "";
    return this._try(async () => {
      this._order = await this._api.refundOrder(id, body);
      this._refresher.tell();
      const made = this._order.refunds?.find(({ refund_id }) => refund_id === body.refund_id);
      const { refunded = 0, balance = 0 } = made ?? {};
      this._done = () =>
        this._language.say(balance ? "refund_done_balance" : "refund_done", {
          amount: this._money(refunded),
          balance: this._money(balance),
        });
    });
  }

  _show() {
    show(element("trouble"), this._trouble() !== "");
    setText(element("trouble"), this._trouble());
    show(element("list-panel"), this._list !== null);
    show(element("order"), this._order !== null);
    setText(element("to-shop"), this._language.say(this._isOperator ? "all_orders" : "to_shop"));
    element("to-shop").setAttribute("href", this._isOperator ? "/orders" : "/checkout");
    if (this._list) this._showList(this._list);
    if (this._order) this._showOrder(this._order);
  }

  /** @param {Order[]} orders */
  _showList(orders) {
    show(element("search-form"), this._isOperator);
    show(element("orders-empty"), orders.length === 0);
    setText(
      element("orders-empty"),
      this._language.say(this._search.value.trim() ? "search_none" : "orders_empty"),
    );
    fill(
      element("orders"),
      ...drawEach(
        orders,
        (order) => {
          const names = order.lines
            .filter(({ kind }) => kind === "course")
            .map(({ name, quantity }) => `${name[this._language.current]}\u00a0×${quantity}`);
          const at = dateText(order.created_at, this._language.current);
          return h(
            "li",
            null,
            h(
              "a",
              { class: "order-row", href: `/orders?order=${encodeURIComponent(order.id)}` },
              h(
                "span",
                { class: "what" },
                h("strong", null, names.join(this._language.current === "zh" ? "、" : ", ")),
                h(
                  "span",
                  { class: "number" },
                  this._language.say("order_no", {
                    id: this._isOperator ? order.id : order.id.slice(-8),
                  }),
                ),
                h("span", { class: "hint" }, this._isOperator ? `${order.student} · ${at}` : at),
              ),
              h(
                "span",
                { class: "gain" },
                h(
                  "span",
                  { class: "figure amount" },
                  money(order.payable, order.currency, this._language.current, true),
                ),
                (order.refunded ?? 0) > 0 &&
                  h(
                    "span",
                    { class: "figure back" },
                    this._language.say("line_refunded", {
                      amount: money(
                        order.refunded ?? 0,
                        order.currency,
                        this._language.current,
                        true,
                      ),
                    }),
                  ),
                h(
                  "span",
                  { class: "badge", "data-state": stateOf(order, this._api.clock.now()) },
                  this._stateText(order),
                ),
              ),
            ),
          );
        },
        ({ id }) =>
          h(
            "li",
            null,
            h("a", { class: "order-row", href: `/orders?order=${encodeURIComponent(id)}` }, id),
          ),
      ),
    );
  }

  /** @param {Order} order */
  _showOrder(order) {
    const language = this._language;
    const isOpen = !this._isOperator && (order.state === "locked" || order.state === "expired");
    setText(
      element("order-title"),
      this._isOperator
        ? language.say("order_of", { student: order.student })
        : language.say("order_no", { id: order.id.slice(-8) }),
    );
    show(element("pay"), isOpen);
    show(element("pay-note"), isOpen);
    show(element("cancel"), isOpen);
    setText(element("pay"), language.say("pay_amount", { amount: this._money(order.payable) }));
    element("pay").setAttribute("aria-disabled", String(this._isBusy));
    element("cancel").setAttribute("aria-disabled", String(this._isBusy));
    fill(element("lines"), ...lineNodes(order, language));
    fill(element("used"), ...couponNodes(order, language));
    fill(element("sums"), ...totalRows(order, language));
    fill(element("times"), ...timeNodes(order, language));
    show(element("done"), this._done() !== "");
    setText(element("done"), this._done());
    if (this._isOperator) this._refunds.show(order);
    this._showTime();
  }

  /** Update what changes with the seconds: how long the coupons are locked. */
  _showTime() {
    const { _order: order } = this;
    if (!order) return;
    const state = stateOf(order, this._api.clock.now());
    element("state").dataset.state = state;
    setText(element("state"), this._stateText(order));
    const text = this._isOperator ? "" : this._stateHint(order, state);
    show(element("state-hint"), text !== "");
    setText(element("state-hint"), text);
  }

  /** @param {Order} order @param {string} state */
  _stateHint(order, state) {
    const { coupons, balance } = order;
    if (coupons.length === 0 && balance === 0) return "";
    if (state === "locked") {
      return this._language.say("time_left", {
        left: countdown(Date.parse(order.expires_at) - this._api.clock.now()),
      });
    }
    if (state === "late" || state === "expired") return this._language.say("late_text");
    if (state !== "cancelled") return "";
    return [
      ...(coupons.length ? [this._language.say("cancelled_text")] : []),
      ...(balance ? [this._language.say("balance_back_n", { amount: this._money(balance) })] : []),
    ].join(" ");
  }

  /** @param {Order} order */
  _stateText(order) {
    return this._language.say(`state_${stateOf(order, this._api.clock.now())}`);
  }

  /** @param {number} minor */
  _money(minor) {
    return money(minor, this._order?.currency ?? "CNY", this._language.current, true);
  }
}

/** @param {unknown} error @param {Language} language */
function troubleText(error, language) {
  const { code, facts } = asApiError(error);
  return errorText(code, language.current, facts);
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const language = new Language({ ...shopMessages, ...orderMessages });
language.switchWith(element("language"));
const token = admit("checkout", ["student", "operator"], language);
if (token)
  void new Orders(
    new ShopApi(once(token, expiryNotice(language))),
    claimsOf(token),
    language,
  ).start();
