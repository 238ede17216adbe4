// @ts-check
/**
 * `Api`: the HTTP calls of PROTOCOL.md that students, instructors and a checkout make, one method each; all
 * pages of a class load it. `office_api.js` has the rest. Bodies and replies are the JSON of the protocol,
 * typed by `shapes.js`: times are text, money is minor units. A call is repeated once where its token has
 * expired, and never otherwise. To repeat a creating call safely, send the same `idempotencyKey` again. Every
 * call rejects with ApiError. Twin of `python/api.py`.
 *
 * @module
 */

import { HttpCalls, path } from "./transport.js";

/**
 * @import {
 *   Account, AnswerForm, Batches, ClaimReply, Draw, DrawEntry, DropClaims, DropEdit, DropForm,
 *   DropReport, DropReports, Invitation, InviteLink, LinkCard, Links, Lotteries, Lottery,
 *   MyMessages, MyOffers, Offer, OfferForm, Offers, OffersMade, OfferState, OrderEntryForm,
 *   OwnTask, Payment, Prompts, Quote, QuoteForm, Receipt, Redemption, RedemptionForm, Refund,
 *   RefundForm, ReopenForm, RoomStudents, RunningOrder, ScreenLink, Snapshot, Spin,
 *   SpinOutcome, Spins, TaskProgress, Ticket, TicketCard, Wallet, WalletCoupon
 * } from "./shapes.js"
 */
/** @typedef {{limit?: number, after?: string}} Page */
/** @typedef {{idempotencyKey?: string}} Once */

/** The calls of one person in a class, or of a checkout. */
export class Api extends HttpCalls {
  // Calls of operators: templates, batches, codes, campaigns.

  /** @param {Page} [page] @returns {Promise<Batches>} */
  listBatches(page) {
    return this._call("GET", "/v1/batches", { query: page });
  }

  // Calls of operators: packs of coupons.

  /** @param {string} room @param {string} id @param {number} [size]
   * @returns {Promise<string>} a QR code that leads to the drop's room, as SVG */
  dropQr(room, id, size = 480) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}/qr.svg`, { query: { size } });
  }

  // Links: operators make them, students of any room claim by them.

  /** Resolve what anybody may see of a link, by its slug or id. Needs no token.
   * @param {string} id @returns {Promise<LinkCard>} */
  linkCard(id) {
    return this._call("GET", path`/v1/links/${id}/card`);
  }

  /** Count somebody who has the link's page on the screen; 8 to 64 characters. Needs no token.
   * @param {string} id @param {string} visitor @returns {Promise<unknown>} */
  countVisitor(id, visitor) {
    return this._call("POST", path`/v1/links/${id}/opened`, { body: { visitor } });
  }

  /** Claim a unit by the link, in any room or none. The same `requestId` always gets the same win.
   * @param {string} id @param {string} requestId @returns {Promise<ClaimReply>} */
  claimByLink(id, requestId) {
    return this._call("POST", path`/v1/links/${id}/claims`, { body: { request_id: requestId } });
  }

  /** Resolve the changing QR code of an open drop, for a screen. Fetch the next one at `changes_at`.
   * @param {string} room @param {string} id @param {number} [size] @returns {Promise<Ticket>} */
  ticket(room, id, size = 480) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}/ticket`, { query: { size } });
  }

  /** Resolve what anybody may see by a ticket while it is good. Needs no token.
   * @param {string} ticket @returns {Promise<TicketCard>} */
  ticketCard(ticket) {
    return this._call("GET", path`/v1/tickets/${ticket}/card`);
  }

  /** Claim a unit of the ticket's drop, whatever rooms the token names. Reject with `ticket_expired` where
   * the screen shows another code by now. `clientRandom`: for a draw, as of `claim`.
   * @param {string} ticket @param {string} requestId @param {string} [clientRandom]
   * @returns {Promise<ClaimReply>} */
  claimByTicket(ticket, requestId, clientRandom) {
    return this._call("POST", path`/v1/tickets/${ticket}/claims`, {
      body: { request_id: requestId, client_random: clientRandom },
    });
  }

  // Offers: a teacher keeps a coupon for one student.

  /** Keep a coupon for each of some students. Reject with `stock_short` where the batch has too few.
   * @param {string} room @param {OfferForm} form @param {Once} [once] @returns {Promise<OffersMade>} */
  makeOffers(room, form, once) {
    return this._call("POST", path`/v1/rooms/${room}/offers`, { body: form, ...once });
  }

  /** @param {string} room @param {Page & {state?: OfferState}} [page] @returns {Promise<Offers>} */
  listOffers(room, page) {
    return this._call("GET", path`/v1/rooms/${room}/offers`, { query: page });
  }

  /** Withdraw an offer. Reject with `wrong_state` where it has ended otherwise.
   * @param {string} room @param {string} id @returns {Promise<Offer>} */
  withdrawOffer(room, id) {
    return this._call("POST", path`/v1/rooms/${room}/offers/${id}/withdraw`);
  }

  /** Resolve a page of who is in the room now, in the order of their ids; 500 at most. `q`: the beginning of
   * an id or of a word of a name. `tag`: one that their tokens have.
   * @param {string} room @param {Page & {q?: string, tag?: string}} [page] @returns {Promise<RoomStudents>} */
  listRoomStudents(room, page) {
    return this._call("GET", path`/v1/rooms/${room}/students`, { query: page });
  }

  /** Resolve what is kept for the student, and where else they could get a coupon; for a course, where one is
   * named. `room`: the one that the student is in, whose drops are not told.
   * @param {{course?: string, room?: string}} [which] @returns {Promise<MyOffers>} */
  myOffers(which) {
    return this._call("GET", "/v1/me/offers", { query: which });
  }

  /** Accept an offer, and get its coupon. Reject with `wrong_state` where it is open no more.
   * @param {string} id @returns {Promise<Offer>} */
  acceptOffer(id) {
    return this._call("POST", path`/v1/me/offers/${id}/accept`);
  }

  /** @param {string} id @returns {Promise<Offer>} */
  declineOffer(id) {
    return this._call("POST", path`/v1/me/offers/${id}/decline`);
  }

  /** Say that the student's screen has shown the offer. @param {string} id @returns {Promise<Offer>} */
  seeOffer(id) {
    return this._call("POST", path`/v1/me/offers/${id}/seen`);
  }

  // Lotteries: operators make them, students spin.

  /** Resolve a lottery with its odds, and the student's chances.
   * @param {string} id @returns {Promise<Lottery>} */
  getLottery(id) {
    return this._call("GET", path`/v1/lotteries/${id}`);
  }

  /** Spin, and resolve what was won. The same `requestId` gets the same spin, for ever. Reject with
   * `blocked` or `rate_limited`; after `unavailable` send the same request again.
   * @param {string} id @param {string} requestId @returns {Promise<Spin>} */
  spin(id, requestId) {
    return this._call("POST", path`/v1/lotteries/${id}/spins`, { body: { request_id: requestId } });
  }

  /** Resolve a page of one's spins; an operator gets everybody's, or those of `student`.
   * @param {string} id @param {Page & {student?: string, outcome?: SpinOutcome}} [query]
   * @returns {Promise<Spins>} */
  listSpins(id, query) {
    return this._call("GET", path`/v1/lotteries/${id}/spins`, { query });
  }

  // Calls of the instructors of a room.

  /** @param {string} room @param {DropForm} form @param {Once} [once]
   * @returns {Promise<DropReport>} */
  createDrop(room, form, once) {
    return this._call("POST", path`/v1/rooms/${room}/drops`, { body: form, ...once });
  }

  /** Resolve a page of the room's drops, newest first; with `ended` only those that are closed, or only those
   * that are not. @param {string} room @param {Page & {ended?: boolean}} [query]
   * @returns {Promise<DropReports>} */
  listDrops(room, query) {
    return this._call("GET", path`/v1/rooms/${room}/drops`, { query });
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  getDrop(room, id) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}`);
  }

  /** @param {string} room @param {string} id @param {DropEdit} changes
   * @returns {Promise<DropReport>} */
  editDrop(room, id, changes) {
    return this._call("PATCH", path`/v1/rooms/${room}/drops/${id}`, { body: changes });
  }

  /** Delete a prepared drop, and return it as it was.
   * @param {string} room @param {string} id @returns {Promise<DropReport>} */
  deleteDrop(room, id) {
    return this._call("DELETE", path`/v1/rooms/${room}/drops/${id}`);
  }

  /** Open a closed drop again, with more units. Who has its coupon keeps it.
   * @param {string} room @param {string} id @param {ReopenForm} form
   * @returns {Promise<DropReport>} */
  reopenDrop(room, id, form) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/reopen`, { body: form });
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  openDrop(room, id) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/open`);
  }

  /** @param {string} room @param {string} id @param {string} [reason] @returns {Promise<DropReport>} */
  closeDrop(room, id, reason = "") {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/close`, { body: { reason } });
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

  /** Write which prepared drops open by themselves, and when. Refused where it has another version now.
   * @param {string} room @param {OrderEntryForm[]} entries @param {string} [version]
   * @returns {Promise<RunningOrder>} */
  putRunningOrder(room, entries, version) {
    return this._call("PUT", path`/v1/rooms/${room}/running-order`, { body: { entries, version } });
  }

  /** @param {string} room @returns {Promise<RunningOrder>} */
  getRunningOrder(room) {
    return this._call("GET", path`/v1/rooms/${room}/running-order`);
  }

  /** Let nothing open by itself until it is resumed.
   * @param {string} room @param {string} [reason] @returns {Promise<RunningOrder>} */
  holdRunningOrder(room, reason = "") {
    return this._call("POST", path`/v1/rooms/${room}/running-order/hold`, { body: { reason } });
  }

  /** @param {string} room @returns {Promise<RunningOrder>} */
  resumeRunningOrder(room) {
    return this._call("POST", path`/v1/rooms/${room}/running-order/resume`);
  }

  /** Make a link for the projector of a class. Its token reads the room and does nothing.
   * @param {string} room @returns {Promise<ScreenLink>} */
  makeScreen(room) {
    return this._call("POST", path`/v1/rooms/${room}/screen`);
  }

  /** Begin the class: its minutes count from now.
   * @param {string} room @returns {Promise<RunningOrder>} */
  startClass(room) {
    return this._call("POST", path`/v1/rooms/${room}/running-order/start`);
  }

  /** Tell where the video is; call it every few seconds while it plays.
   * @param {string} room @param {number} seconds @returns {Promise<RunningOrder>} */
  tellPosition(room, seconds) {
    return this._call("POST", path`/v1/rooms/${room}/running-order/position`, {
      body: { video_seconds: seconds },
    });
  }

  /** @param {string} room @param {string} id @param {Page & {student?: string}} [query]
   * @returns {Promise<DropClaims>} */
  dropClaims(room, id, query) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}/claims`, { query });
  }

  // Calls of students.

  /** Return the task of a drop, and how far the student is.
   * @param {string} dropId @returns {Promise<OwnTask>} */
  task(dropId) {
    return this._call("GET", path`/v1/drops/${dropId}/task`);
  }

  /** Answer the question of a drop. There are two tries.
   * @param {string} dropId @param {AnswerForm} form @returns {Promise<TaskProgress>} */
  answer(dropId, form) {
    return this._call("POST", path`/v1/drops/${dropId}/answer`, { body: form });
  }

  /** Return the student's own link, where the task of the drop is to invite. The same each time.
   * @param {string} dropId @returns {Promise<InviteLink>} */
  invite(dropId) {
    return this._call("POST", path`/v1/drops/${dropId}/invite`);
  }

  /** Say by whose link one came. Repeatable.
   * @param {string} code @returns {Promise<Invitation>} */
  arrive(code) {
    return this._call("POST", "/v1/invitations", { body: { code } });
  }

  /** Sign in, where that is the task of a drop. Repeatable.
   * @param {string} dropId @returns {Promise<TaskProgress>} */
  signIn(dropId) {
    return this._call("POST", path`/v1/drops/${dropId}/sign-in`);
  }

  /** @param {string} room @returns {Promise<Snapshot>} */
  snapshot(room) {
    return this._call("GET", path`/v1/rooms/${room}/snapshot`);
  }

  /** Claim a unit of the drop. The same request id always gets the same win. Every outcome is a reply, not
   * an error. `RoomClient.claim` calls this where the socket is silent.
   * `clientRandom`: for a draw, 16 random bytes as hexadecimal digits.
   * @param {string} dropId @param {string} requestId @param {string} [clientRandom]
   * @returns {Promise<ClaimReply>} */
  claim(dropId, requestId, clientRandom) {
    return this._call("POST", path`/v1/drops/${dropId}/claims`, {
      body: { request_id: requestId, client_random: clientRandom },
    });
  }

  /** Return the proof of a draw; `verifyDraw` checks it.
   * @param {string} dropId @returns {Promise<Draw>} */
  draw(dropId) {
    return this._call("GET", path`/v1/drops/${dropId}/draw`);
  }

  /** Return the student's own receipt of a draw, and what became of it.
   * @param {string} dropId @returns {Promise<DrawEntry>} */
  myDrawEntry(dropId) {
    return this._call("GET", path`/v1/drops/${dropId}/entry`);
  }

  /** Give a draw up. Its seed and entries are shown all the same. Repeatable.
   * @param {string} room @param {string} id @param {string} reason @returns {Promise<DropReport>} */
  abortDraw(room, id, reason) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/abort`, { body: { reason } });
  }

  /** Return the seal of a closed drop and, for a student, the path of the own claim. `wrong_state` until it is
   * sealed, some seconds after the close. `seal` asks for an earlier one by its hash. `verifyReceipt` checks it.
   * @param {string} dropId @param {{leaves?: boolean, seal?: string}} [query] @returns {Promise<Receipt>} */
  receipt(dropId, query) {
    return this._call("GET", path`/v1/drops/${dropId}/receipt`, { query });
  }

  /** @param {Page & {state?: string}} [query] @returns {Promise<Wallet>} */
  myCoupons(query) {
    return this._call("GET", "/v1/me/coupons", { query });
  }

  /** @param {string} id @param {number} [size]
   * @returns {Promise<string>} the code of one of the student's coupons as a QR code, as SVG */
  couponQr(id, size = 480) {
    return this._call("GET", path`/v1/me/coupons/${id}/qr.svg`, { query: { size } });
  }

  /** Return a page of the messages that the app has shown to the student, newest first.
   * @param {Page} [query] @returns {Promise<MyMessages>} */
  myMessages(query) {
    return this._call("GET", "/v1/me/messages", { query });
  }

  /** Put the coupon of a code, as it was typed, into the student's wallet. Repeatable. Reject with
   * `not_found` for every code that this student cannot have. @param {string} code @returns {Promise<WalletCoupon>} */
  bindCoupon(code) {
    return this._call("POST", "/v1/me/coupons", { body: { code } });
  }

  // Calls of students and of the school's back end: the price of an order, and its payment.

  /** Say what coupons that the student could get now would save on an order.
   * @param {QuoteForm} form @returns {Promise<Prompts>} */
  prompts(form) {
    return this._call("POST", "/v1/prompts", { body: form });
  }

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
}
