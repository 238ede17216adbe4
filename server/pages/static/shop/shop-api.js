// @ts-check
/**
 * The demo shop's own calls, with the person's token, and the SDK's calls for their wallet. Prices
 * and discounts come from here. The page sends no price except the total that was on the screen.
 */

import { Api } from "/sdk/api.js";
import { ServerClock } from "../shared/server-clock.js";

/** @typedef {{zh: string, en: string}} Name */
/** @typedef {{id: string, name: Name, about: Name, list_price: number, price: number, packages: string[]}} Course */
/** @typedef {{currency: string, most_of_one: number, courses: Course[]}} Catalogue */
/** @typedef {{id: string, kind: string, name: Name, unit_price: number, list_price: number, quantity: number, amount: number, discount: number, payable: number}} Line */
/** @typedef {{course: string, name: Name, quantity: number, list_price: number, coupon: string}} GiftLine */
/** @typedef {{code: string, amount: number, after: string, days?: number|null}} RebateShown */
/** @typedef {{code: string, name: string, discount: number, adds: number, use_by: string, worth?: number, fits?: boolean}} Usable */
/** @typedef {{code: string, reason: string, short_by?: number, short_pieces?: number}} Unusable */
/** @typedef {{code: string, spend_more: number, save_more: number, pieces_more?: number, worth?: number}} Hint */
/** @typedef {{currency: string, lines: Line[], list_total: number, subtotal: number, discount: number, payable: number, applied: {code: string, discount: number}[], usable: Usable[], unusable: Unusable[], best: {codes: string[], discount: number, exact: boolean}, balance: {available: number, used: number}, hints?: Hint[], prompts?: import("/sdk/shapes.js").Prompt[], gifts?: GiftLine[], rebates?: RebateShown[]}} Quote */
/** @typedef {{refund_id: string, refunded: number, balance: number, charged_back?: number, created_at?: string, lines: {id: string, refunded: number, quantity?: number, refundable: number}[], coupons: {code: string, state: string, reason?: string}[]}} Refund */
/** @typedef {{id: string, student: string, currency: string, state: string, subtotal: number, discount: number, payable: number, created_at: string, expires_at: string, paid_at?: string, payment_ref?: string, balance: number, refunded?: number, refunds?: Refund[], lines: Line[], list_total: number, coupons: {code: string, name: string, discount: number, shares: Record<string, number>}[], gifts: GiftLine[], rebates: RebateShown[]}} Order */
/** @typedef {{course: string, quantity: number}[]} CartLines */

export class ShopApi extends Api {
  /** @param {() => string} getToken */
  constructor(getToken) {
    const clock = new ServerClock();
    super({ url: location.origin, getToken, fetch: clock.fetch });
    this.clock = clock;
  }

  /**
   * Return the catalogue. Fails with `not_found` if this server has no shop. @returns
   * {Promise<Catalogue>}
   */
  catalogue() {
    return this._call("GET", "/shop/catalogue");
  }

  /**
   * Quote a cart. `order_id`: the order that was placed from this cart before; coupons that it has
   * locked count as free.
   * @param {{lines: CartLines, coupons: readonly string[], use_balance: boolean, order_id: string}}
   * body
   * @returns {Promise<Quote>}
   */
  quoteCart(body) {
    return this._call("POST", "/shop/quotes", { body });
  }

  /** @param {string} [search] a part of the order's number, its student or a coupon's code
   * @returns {Promise<{orders: Order[]}>} */
  orders(search) {
    return this._call("GET", "/shop/orders", { query: { search: search || undefined } });
  }

  /** @param {string} id @returns {Promise<Order>} */
  order(id) {
    return this._call("GET", path(id));
  }

  /**
   * Place an order. The same id replaces the order as long as it is not paid.
   * @param {string} id @param {{lines: CartLines, coupons: string[], balance: number,
   * expected_payable: number}} body
   * @returns {Promise<Order>}
   */
  place(id, body) {
    return this._call("PUT", path(id), { body });
  }

  /** @param {string} id @param {number} paid the sum on the screen @returns {Promise<Order>} */
  pay(id, paid) {
    return this._call("POST", `${path(id)}/pay`, { body: { paid } });
  }

  /** @param {string} id @returns {Promise<Order>} */
  cancel(id) {
    return this._call("POST", `${path(id)}/cancel`);
  }

  /**
   * Refund; done once for each `refund_id`. Operators only.
   * @param {string} id @param {{refund_id: string, lines: {id: string, quantity?: number}[]}} body
   * @returns {Promise<Order>}
   */
  refundOrder(id, body) {
    return this._call("POST", `${path(id)}/refunds`, { body });
  }

  /**
   * Return what `refundOrder` would do; nothing changes. Operators only.
   * @param {string} id @param {{refund_id: string, lines: {id: string, quantity?: number}[]}} body
   * @returns {Promise<Refund>}
   */
  previewRefund(id, body) {
    return this._call("POST", `${path(id)}/refunds`, { body: { ...body, preview: true } });
  }
}

/** @param {string} id */
function path(id) {
  return `/shop/orders/${encodeURIComponent(id)}`;
}

/**
 * Return a random id that cannot be guessed. `crypto.randomUUID` is missing on a phone without
 * https.
 * @param {string} prefix
 */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${prefix}-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
