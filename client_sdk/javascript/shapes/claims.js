// @ts-check
/**
 * Claims: what the server says of them, and the student's own claims in a session. Twin of
 * `python/shapes/claims.py`.
 *
 * @module
 */

/** @import {Coupon} from "./coupons.js" */
/** @import {Drop} from "./drops.js" */
/** @import {Task, TaskProgress, TaskState} from "./tasks.js" */

/**
 * The state of a claim in a session. `pending` is sent and not answered, `refused` has its reason in
 * `outcome`, `answered` has an outcome that is newer than this SDK.
 * @typedef {"pending"|"won"|"confirmed"|"entered"|"refused"|"answered"|"released"|"revoked"} ClaimState
 */

/**
 * @typedef {"won"|"already_won"|"entered"|"limit_reached"|"sold_out"|"not_open"|"closed"
 *   |"not_eligible"|"blocked"|"rate_limited"|"retry"|"released"|"task_open"} Outcome
 */

/**
 * @typedef {"taken"|"limit"|"not_yet"|"prepared"|"stopped"|"ended"|"gone"|"blocked"
 *   |"hold_ended"|"not_a_student"|"not_new"|"not_in_batch"|"not_in_audience"|"held"|"task_open"} WhyReason
 */

/**
 * The facts of a refusal, by the server's own order and clock; `whyText` makes the sentence. `taken` comes
 * with `units`, `tap` and, where it is known, `last_at` and `after_ms`; `limit` with `limit`, `most`, `used`
 * and `tap`; `not_yet` with `opens_at` and `in_ms`; `ended` with `closed_at` and `after_ms`;
 * `task_open` with the `kind` of the task, `done`, `needed` and `tap`.
 *
 * @typedef {object} Why
 * @property {WhyReason} reason
 * @property {number} [units]
 * @property {string} [last_at]
 * @property {number} [after_ms]
 * @property {string} [limit]
 * @property {number} [most]
 * @property {number} [used]
 * @property {string} [opens_at]
 * @property {number} [in_ms]
 * @property {string} [closed_at]
 * @property {string} [kind]
 * @property {number} [done]
 * @property {number} [needed]
 * @property {number} [tap]
 */

/**
 * An entry in a draw. `leaf` is made of the other parts (`draws.receiptLeaf`) and stands at `index` among the
 * leaves of the draw.
 *
 * @typedef {object} DrawReceipt
 * @property {string} drop_id
 * @property {number} index
 * @property {string} pseudonym
 * @property {string} request_id
 * @property {string} entered_at
 * @property {string} client_random
 * @property {string} leaf
 */

/**
 * The reply to a claim. A later server may send outcomes that are not listed here.
 * `coupon` comes only over HTTP, where the claim is confirmed already. `limit` comes with
 * `limit_reached`, `retry_after_ms` with `retry` and `rate_limited`, `why` with a refusal,
 * `task` and `progress` with `task_open`, `receipt` with `entered`.
 *
 * @typedef {object} ClaimReply
 * @property {string} request_id
 * @property {string} drop_id
 * @property {Outcome} outcome
 * @property {string} [coupon_id]
 * @property {Coupon} [coupon]
 * @property {number} [retry_after_ms]
 * @property {"batch"|"device"|"person"|"campaign"} [limit]
 * @property {Why} [why]
 * @property {Task} [task]
 * @property {TaskState} [progress]
 * @property {DrawReceipt} [receipt]
 */

/**
 * One of the student's claims in the `welcome` frame and in the snapshot.
 *
 * @typedef {object} MyClaim
 * @property {string} drop_id
 * @property {"entered"|"won"|"confirmed"|"released"|"revoked"} state
 * @property {string} won_at
 * @property {Coupon} [coupon]
 * @property {DrawReceipt} [receipt]
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
 * @property {TaskProgress[]} [tasks]
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
 * @property {Why} [why]
 * @property {string} [won_at]
 * @property {string} [coupon_id]
 * @property {Coupon} [coupon]
 * @property {string} [reason]
 * @property {DrawReceipt} [receipt]
 */

export {};
