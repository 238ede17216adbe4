// @ts-check
/**
 * Claims: what the server says of them, and the student's own claims in a session. Twin of
 * `python/shapes/claims.py`.
 *
 * @module
 */

/** @import {Coupon} from "./coupons.js" */
/** @import {Drop} from "./drops.js" */

/**
 * The state of a claim in a session. `pending` is sent and not answered, `refused` has its reason in
 * `outcome`, `answered` has an outcome that is newer than this SDK.
 * @typedef {"pending"|"won"|"confirmed"|"entered"|"refused"|"answered"|"released"|"revoked"} ClaimState
 */

/**
 * @typedef {"won"|"already_won"|"limit_reached"|"sold_out"|"not_open"|"closed"
 *   |"not_eligible"|"rate_limited"|"retry"|"released"} Outcome
 */

/**
 * The reply to a claim. A later server may send outcomes that are not listed here.
 * `coupon` comes only over HTTP, where the claim is confirmed already. `limit` comes with
 * `limit_reached`, `retry_after_ms` with `retry` and `rate_limited`.
 *
 * @typedef {object} ClaimReply
 * @property {string} request_id
 * @property {string} drop_id
 * @property {Outcome} outcome
 * @property {string} [coupon_id]
 * @property {Coupon} [coupon]
 * @property {number} [retry_after_ms]
 * @property {"batch"|"device"|"person"|"campaign"} [limit]
 */

/**
 * One of the student's claims in the `welcome` frame and in the snapshot.
 *
 * @typedef {object} MyClaim
 * @property {string} drop_id
 * @property {"won"|"confirmed"|"released"|"revoked"} state
 * @property {string} won_at
 * @property {Coupon} [coupon]
 */

/**
 * The room as the `welcome` frame has it.
 *
 * @typedef {object} Snapshot
 * @property {"welcome"} type
 * @property {string} room
 * @property {string} student
 * @property {string} now
 * @property {string} epoch
 * @property {number} offset
 * @property {number} present
 * @property {Drop[]} drops
 * @property {MyClaim[]} claims
 */

/**
 * The student's claim of one drop, in a session.
 * `outcome` is the server's outcome, or the error code of a claim over HTTP that cannot be
 * repeated. `limit` comes with `limit_reached`, `coupon` with CONFIRMED, `reason` with RELEASED
 * and REVOKED.
 *
 * @typedef {object} Claim
 * @property {string} drop_id
 * @property {ClaimState} state
 * @property {string} [request_id]
 * @property {string} [outcome]
 * @property {string} [limit]
 * @property {string} [won_at]
 * @property {string} [coupon_id]
 * @property {Coupon} [coupon]
 * @property {string} [reason]
 */

export {};
