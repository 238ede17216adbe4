// @ts-check
/**
 * `Api`: every HTTP call of PROTOCOL.md, one method each. Bodies and replies are the JSON of the
 * protocol, typed by `shapes.js`: times are text, money is minor units. A call is repeated once where its
 * token has expired, and never otherwise. To repeat a creating call safely, send the same
 * `idempotencyKey` again. Every call rejects with ApiError. Twin of `python/api.py`.
 *
 * @module
 */

import { HttpCalls } from "./transport.js";

/**
 * @import {
 *   Account, Acts, Batch, BatchEdit, BatchForm, Batches, Campaign, CampaignForm, Campaigns,
 *   ClaimReply, CodeRun, CodeSource, Codes, CouponRecord, DropClaims, DropForm, DropReport,
 *   DropReports, OrderRecord, Payment, Quote, QuoteForm, Redemption, RedemptionForm, Refund,
 *   RefundForm, Snapshot, Stop, StopForm, Template, TemplateForm, Templates,
 *   VoidedCodes, Wallet, WalletCoupon
 * } from "./shapes.js"
 */
/** @typedef {{limit?: number, after?: string}} Page */
/** @typedef {{idempotencyKey?: string}} Once */

/** The calls of one person, or of the school's back end. */
export class Api extends HttpCalls {
  // Calls of operators: templates, batches, codes, campaigns.

  /** @param {TemplateForm} form @param {Once} [once]
   * @returns {Promise<Template>} */
  createTemplate(form, once) {
    return this._call("POST", "/v1/templates", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Templates>} */
  listTemplates(page) {
    return this._call("GET", "/v1/templates", { query: page });
  }

  /** @param {string} id @returns {Promise<Template>} */
  getTemplate(id) {
    return this._call("GET", path`/v1/templates/${id}`);
  }

  /** Make a new version. Reject with `wrong_state` where `version` is no longer the newest.
   * @param {string} id @param {number} version @param {TemplateForm} form
   * @returns {Promise<Template>} */
  replaceTemplate(id, version, form) {
    const headers = { "If-Match": String(version) };
    return this._call("PUT", path`/v1/templates/${id}`, { body: form, headers });
  }

  /** @param {BatchForm} form @param {Once} [once]
   * @returns {Promise<Batch>} */
  createBatch(form, once) {
    return this._call("POST", "/v1/batches", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Batches>} */
  listBatches(page) {
    return this._call("GET", "/v1/batches", { query: page });
  }

  /** @param {string} id @returns {Promise<Batch>} */
  getBatch(id) {
    return this._call("GET", path`/v1/batches/${id}`);
  }

  /** Change the fields that `changes` has. Reject with `wrong_state` where `version` is no longer the newest.
   * @param {string} id @param {number} version @param {BatchEdit} changes
   * @returns {Promise<Batch>} */
  editBatch(id, version, changes) {
    const headers = { "If-Match": String(version) };
    return this._call("PATCH", path`/v1/batches/${id}`, { body: changes, headers });
  }

  /** Make coupons as codes, without a drop. At most 100,000 a call. Where `made` is less than `quantity`,
   * the server makes the rest by itself.
   * @param {string} id @param {{quantity: number, source?: CodeSource}} body @param {Once} [once]
   * @returns {Promise<CodeRun>} */
  makeCodes(id, body, once) {
    return this._call("POST", path`/v1/batches/${id}/codes`, { body, ...once });
  }

  /** @param {string} id @param {Page} [page]
   * @returns {Promise<Codes>} */
  listCodes(id, page) {
    return this._call("GET", path`/v1/batches/${id}/codes`, { query: page });
  }

  /** @param {string} id @returns {Promise<string>} all codes of the batch as CSV, with a header line */
  exportCodes(id) {
    return this._call("GET", path`/v1/batches/${id}/codes`, { query: { format: "csv" } });
  }

  /** Void the codes that no student has bound. At most 500 a call; repeatable.
   * @param {string} id @param {string[]} codes
   * @returns {Promise<VoidedCodes>} */
  voidCodes(id, codes) {
    return this._call("POST", path`/v1/batches/${id}/codes/void`, { body: { codes } });
  }

  /** @param {CampaignForm} form @param {Once} [once]
   * @returns {Promise<Campaign>} */
  createCampaign(form, once) {
    return this._call("POST", "/v1/campaigns", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Campaigns>} */
  listCampaigns(page) {
    return this._call("GET", "/v1/campaigns", { query: page });
  }

  /** @param {string} id @returns {Promise<Campaign>} */
  getCampaign(id) {
    return this._call("GET", path`/v1/campaigns/${id}`);
  }

  // Calls of operators: the switch that stops claims, use or both. It works everywhere within a second.

  /** Stop claims, use or both. Orders that are locked can still be paid.
   * @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  stopCampaign(id, form) {
    return this._call("POST", path`/v1/campaigns/${id}/stop`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  resumeCampaign(id, form) {
    return this._call("POST", path`/v1/campaigns/${id}/resume`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  stopBatch(id, form) {
    return this._call("POST", path`/v1/batches/${id}/stop`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  resumeBatch(id, form) {
    return this._call("POST", path`/v1/batches/${id}/resume`, { body: form });
  }

  /** @param {StopForm} form @returns {Promise<Stop>} */
  stopEverything(form) {
    return this._call("POST", "/v1/stop", { body: form });
  }

  /** @param {StopForm} form @returns {Promise<Stop>} */
  resumeEverything(form) {
    return this._call("POST", "/v1/resume", { body: form });
  }

  /** Return what is stopped of all batches. @returns {Promise<Stop>} */
  getStop() {
    return this._call("GET", "/v1/stop");
  }

  // Calls of the instructors of a room.

  /** @param {string} room @param {DropForm} form @param {Once} [once]
   * @returns {Promise<DropReport>} */
  createDrop(room, form, once) {
    return this._call("POST", path`/v1/rooms/${room}/drops`, { body: form, ...once });
  }

  /** @param {string} room @param {Page} [page]
   * @returns {Promise<DropReports>} */
  listDrops(room, page) {
    return this._call("GET", path`/v1/rooms/${room}/drops`, { query: page });
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  getDrop(room, id) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}`);
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  openDrop(room, id) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/open`);
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  closeDrop(room, id) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/close`);
  }

  /** Add units. `expected_quantity` is what the instructor saw, so a repetition adds nothing.
   * @param {string} room @param {string} id @param {{add: number, expected_quantity: number}} body
   * @returns {Promise<DropReport>} */
  topUpDrop(room, id, body) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/top-up`, { body });
  }

  /** Move the end. `expected_closes_at` is what the instructor saw, so a repetition moves nothing.
   * @param {string} room @param {string} id @param {{seconds: number, expected_closes_at: string}} body
   * @returns {Promise<DropReport>} */
  extendDrop(room, id, body) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/extend`, { body });
  }

  /** @param {string} room @param {string} id @param {Page & {student?: string}} [query]
   * @returns {Promise<DropClaims>} */
  dropClaims(room, id, query) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}/claims`, { query });
  }

  // Calls of students.

  /** @param {string} room @returns {Promise<Snapshot>} */
  snapshot(room) {
    return this._call("GET", path`/v1/rooms/${room}/snapshot`);
  }

  /** Claim a unit of the drop. The same request id always gets the same win. Every outcome is a reply, not
   * an error. `RoomClient.claim` calls this where the socket is silent.
   * @param {string} dropId @param {string} requestId
   * @returns {Promise<ClaimReply>} */
  claim(dropId, requestId) {
    return this._call("POST", path`/v1/drops/${dropId}/claims`, {
      body: { request_id: requestId },
    });
  }

  /** @param {Page & {state?: string}} [query] @returns {Promise<Wallet>} */
  myCoupons(query) {
    return this._call("GET", "/v1/me/coupons", { query });
  }

  /** Put the coupon of a code, as it was typed, into the student's wallet. Repeatable. Reject with
   * `not_found` for every code that this student cannot have. @param {string} code @returns {Promise<WalletCoupon>} */
  bindCoupon(code) {
    return this._call("POST", "/v1/me/coupons", { body: { code } });
  }

  // Calls of students and of the school's back end: the price of an order, and its payment.

  /** @param {QuoteForm} form @returns {Promise<Quote>} */
  quote(form) {
    return this._call("POST", "/v1/quotes", { body: form });
  }

  /** Lock coupons for an order. A repetition with the same `order_id` replaces the lock, under the same id.
   * @param {RedemptionForm} form
   * @returns {Promise<Redemption>} */
  lockRedemption(form) {
    return this._call("POST", "/v1/redemptions", { body: form });
  }

  /** @param {string} id @returns {Promise<Redemption>} */
  getRedemption(id) {
    return this._call("GET", path`/v1/redemptions/${id}`);
  }

  /** @param {string} orderId @returns {Promise<Redemption>} */
  findRedemption(orderId) {
    return this._call("GET", "/v1/redemptions", { query: { order_id: orderId } });
  }

  /** Redeem the coupons, because the order was paid. Repeatable. Reject with `total_changed` where the
   * payment was for another lock of the order.
   * @param {string} id @param {Payment} [body]
   * @returns {Promise<Redemption>} */
  confirmRedemption(id, body = {}) {
    return this._call("POST", path`/v1/redemptions/${id}/confirm`, { body });
  }

  /** Free the coupons of an order that is not paid. Repeatable.
   * @param {string} id @returns {Promise<Redemption>} */
  cancelRedemption(id) {
    return this._call("POST", path`/v1/redemptions/${id}/cancel`);
  }

  /** Return the balance from rebates, with a page of its entries. @param {Page} [page] @returns {Promise<Account>} */
  myBalance(page) {
    return this._call("GET", "/v1/me/balance", { query: page });
  }

  // Calls of operators and finance.

  /** Return an order's record: list prices, coupons, discounts by line, payment, refunds, all times.
   * @param {string} orderId @returns {Promise<OrderRecord>} */
  getOrder(orderId) {
    return this._call("GET", path`/v1/orders/${orderId}`);
  }

  /** Return a coupon of any student, with its whole history.
   * @param {string} code @returns {Promise<CouponRecord>} */
  getCoupon(code) {
    return this._call("GET", path`/v1/coupons/${code}`);
  }

  /** Return a page of acts, newest first; of one actor, or on the thing with the id `subject`.
   * @param {{actor?: string, subject?: string, limit?: number, after?: string}} [query]
   * @returns {Promise<Acts>} */
  listActs(query) {
    return this._call("GET", "/v1/acts", { query });
  }

  /** Refund lines of a paid order. Repeatable by `refund_id`. Without `lines` all that is left of the order
   * is refunded; an empty list is refused. With `preview` nothing changes.
   * @param {string} orderId @param {RefundForm} form
   * @returns {Promise<Refund>} */
  refund(orderId, form) {
    return this._call("POST", path`/v1/orders/${orderId}/refunds`, { body: form });
  }

  // Calls that need no token.

  /** Resolve where the process runs. It says nothing of Redis and SQL. */
  live() {
    return this._call("GET", "/livez");
  }

  /** Resolve where the process can serve; reject with `unavailable` where it cannot. */
  ready() {
    return this._call("GET", "/readyz");
  }

  /** @returns {Promise<string>} Prometheus text */
  metrics() {
    return this._call("GET", "/metrics");
  }

  /** @returns {Promise<Record<string, unknown>>} */
  openapi() {
    return this._call("GET", "/openapi.json");
  }
}

/** Return a path with its names escaped. @param {TemplateStringsArray} parts @param {...string} names */
function path(parts, ...names) {
  return parts.reduce((text, part, i) => text + encodeURIComponent(names[i - 1]) + part);
}
