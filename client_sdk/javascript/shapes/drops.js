// @ts-check
/**
 * Drops: as the room sees them, and as an instructor sees them. Twin of `python/shapes/drops.py`.
 *
 * @module
 */

/** @import {ClaimConditions} from "./batches.js" */
/** @import {Deducts, Discount, Scope, Style, Threshold, Validity} from "./templates.js" */

/** @typedef {"prepared"|"opening"|"scheduled"|"open"|"sold_out"|"closed"} DropState */

/** @typedef {"ended"|"sold_out"|"stopped"|"cancelled"} CloseReason */

/**
 * The only students who may claim: those with one of the tags, and those named.
 *
 * @typedef {object} AudienceForm
 * @property {string[]} [tags]
 * @property {string[]} [students]
 */

/**
 * The only students who may claim: those with one of the tags, and those named.
 *
 * @typedef {object} Audience
 * @property {string[]} tags
 * @property {string[]} students
 */

/**
 * The body that creates a drop. `start` `prepared` makes it without opening it.
 *
 * @typedef {object} DropForm
 * @property {string} batch_id
 * @property {number} quantity
 * @property {number} duration_seconds
 * @property {string} [message]
 * @property {"now"|"prepared"} [start]
 * @property {number} [opens_in_seconds]
 * @property {AudienceForm} [audience]
 * @property {"first"|"draw"} [mode]
 * @property {Record<string, string>} [metadata]
 */

/**
 * The scope of a drop. `more` counts courses and packages that are left out of its long lists.
 *
 * @typedef {Scope & {more?: number}} DropScope
 */

/**
 * A drop as its room sees it. In a session, `state` follows the server's time.
 * Only an instructor's session has the counters from `claimed` to `present`.
 *
 * @typedef {object} Drop
 * @property {string} id
 * @property {DropState} state
 * @property {string} name
 * @property {string} description
 * @property {string} message
 * @property {string} currency
 * @property {Discount} discount
 * @property {Threshold} threshold
 * @property {DropScope} scope
 * @property {Validity} validity
 * @property {Deducts[]} [deducts]
 * @property {number} [hold_seconds]
 * @property {string} [use_url]
 * @property {Style} [style]
 * @property {"first"|"draw"} mode
 * @property {number} quantity
 * @property {number} remaining
 * @property {string} opens_at
 * @property {string} closes_at
 * @property {string} [closed_at]
 * @property {"ended"|"sold_out"|"stopped"} [close_reason]
 * @property {number} [claimed]
 * @property {number} [confirmed]
 * @property {number} [redeemed]
 * @property {number} [released]
 * @property {number} [returned]
 * @property {number} [revoked]
 * @property {number} [settled_difference]
 * @property {number} [reached]
 * @property {number} [present]
 */

/**
 * A drop as an instructor sees it. `gmv` and `discount_total` are minor units of `currency`.
 * quantity = free + held + redeemed + returned + difference. A counter that has `_total` beside
 * it can fall; the total cannot. `released` counts units that were not used in time and are
 * free again. A `settled_difference` other than 0 means that desk and ledger disagree: a fault.
 *
 * @typedef {object} DropReport
 * @property {string} id
 * @property {string} room
 * @property {string} batch_id
 * @property {string} name
 * @property {string} currency
 * @property {Discount} discount
 * @property {DropState} state
 * @property {"first"|"draw"} mode
 * @property {string} message
 * @property {number} quantity
 * @property {number} remaining
 * @property {number} duration_seconds
 * @property {number} opens_in_seconds
 * @property {Audience} [audience]
 * @property {ClaimConditions} [claim_conditions]
 * @property {string|null} opens_at
 * @property {string|null} closes_at
 * @property {string} [closed_at]
 * @property {CloseReason} [close_reason]
 * @property {number} reached
 * @property {number} claimed
 * @property {number} claimed_total
 * @property {number} confirmed
 * @property {number} confirmed_total
 * @property {number} redeemed
 * @property {number} redeemed_total
 * @property {number} free
 * @property {number} held
 * @property {number} released
 * @property {number} returned
 * @property {number} revoked
 * @property {number} present
 * @property {number|null} present_at_open
 * @property {number} gmv
 * @property {number} discount_total
 * @property {number} difference
 * @property {number|null} settled_difference
 * @property {Record<string, string>} metadata
 * @property {string} created_by
 * @property {string} created_at
 */

/**
 * A page of drops. `next` is null on the last page.
 *
 * @typedef {object} DropReports
 * @property {DropReport[]} drops
 * @property {string|null} next
 */

/**
 * One student's claim of a drop. `confirmed_at` is null until the claim is confirmed.
 *
 * @typedef {object} DropClaim
 * @property {string} student
 * @property {"won"|"confirmed"|"released"|"revoked"} state
 * @property {string} won_at
 * @property {string|null} confirmed_at
 */

/**
 * A page of claims. `next` is null on the last page.
 *
 * @typedef {object} DropClaims
 * @property {DropClaim[]} claims
 * @property {string|null} next
 */

export {};
