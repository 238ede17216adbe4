// @ts-check
/**
 * Drops: as the room sees them, and as an instructor sees them. Twin of `python/shapes/drops.py`.
 *
 * @module
 */

/** @import {ClaimConditions, PriceOverride} from "./batches.js" */
/** @import {Task, TaskForm} from "./tasks.js" */
/** @import {Deducts, Discount, Scope, Style, Threshold, Validity} from "./templates.js" */

/** @typedef {"prepared"|"opening"|"scheduled"|"open"|"sold_out"|"drawing"|"closed"|"aborted"} DropState */

/** @typedef {"ended"|"sold_out"|"stopped"|"cancelled"|"aborted"} CloseReason */

/**
 * What everybody knows of a draw: first `commitment`, the SHA-256 of its seed; after the close how many
 * entries there are and the root over them; at the end the seed and the number of winners.
 *
 * @typedef {object} DrawCard
 * @property {string} commitment
 * @property {number} [entries]
 * @property {string} [root]
 * @property {string} [seed]
 * @property {number} [winners]
 */

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
 * A drop that ends at a time of the clock.
 *
 * @typedef {object} ClosesAt
 * @property {string} at
 */

/** A time, or until somebody closes the drop or all is gone.
 * @typedef {ClosesAt|"open_end"} Closes */

/**
 * The body that creates a drop. `start` `prepared` makes it without opening it, and so does `at`,
 * when it opens by itself. `closes` stands in place of `duration_seconds`. `rehearsal`: only the
 * students of `audience` see it, and nothing of it counts.
 *
 * @typedef {object} DropForm
 * @property {string} batch_id
 * @property {number} quantity
 * @property {number} [duration_seconds]
 * @property {Closes} [closes]
 * @property {string} [at]
 * @property {boolean} [rehearsal]
 * @property {boolean} [show_winners]
 * @property {string} [message]
 * @property {"now"|"prepared"} [start]
 * @property {number} [opens_in_seconds]
 * @property {AudienceForm} [audience]
 * @property {"first"|"draw"} [mode]
 * @property {TaskForm} [task]
 * @property {Record<string, string>} [metadata]
 * @property {PriceOverride} [override]
 */

/**
 * Changes of a prepared drop; what is left out stays. `at` null: it waits for its teacher.
 *
 * @typedef {object} DropEdit
 * @property {number} [quantity]
 * @property {number} [duration_seconds]
 * @property {Closes} [closes]
 * @property {string} [message]
 * @property {number} [opens_in_seconds]
 * @property {string|null} [at]
 * @property {AudienceForm|null} [audience]
 * @property {boolean} [rehearsal]
 * @property {boolean} [show_winners]
 */

/**
 * The body that opens a closed drop again. `quantity`: what it offers from now on; without it, the units that
 * came back at its close. Without an end it lasts as long as before.
 *
 * @typedef {object} ReopenForm
 * @property {number} [quantity]
 * @property {number} [duration_seconds]
 * @property {Closes} [closes]
 * @property {number} [opens_in_seconds]
 */

/**
 * The scope of a drop. `more` counts courses and packages that are left out of its long lists.
 *
 * @typedef {Scope & {more?: number}} DropScope
 */

/**
 * The seal of a drop as its room is told: `count` claims of `stock` units under the Merkle `root`.
 * `came_back` claims gave their unit back before; `given_again` of the claims have a unit that came back.
 * `seal` is the hash over all of it, `previous` that of the close before, where the drop was opened again.
 *
 * @typedef {object} DropSeal
 * @property {string} root
 * @property {number} count
 * @property {number} stock
 * @property {number} came_back
 * @property {number} given_again
 * @property {string} seal
 * @property {string} [previous]
 */

/**
 * A drop as its room sees it. In a session, `state` follows the server's time.
 * `closes_at` null: it is open until somebody closes it. Only an instructor's session has the counters
 * from `entered` to `present`.
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
 * @property {Task} [task]
 * @property {"first"|"draw"} mode
 * @property {number} quantity
 * @property {number} remaining
 * @property {string} opens_at
 * @property {string|null} closes_at
 * @property {boolean} [rehearsal]
 * @property {boolean} [show_winners]
 * @property {string} [closed_at]
 * @property {"ended"|"sold_out"|"stopped"|"aborted"} [close_reason]
 * @property {DrawCard} [draw]
 * @property {number} [entered]
 * @property {DropSeal} [seal]
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
 * @property {number|null} duration_seconds
 * @property {Closes} [closes]
 * @property {number} opens_in_seconds
 * @property {string} [at]
 * @property {number} openings
 * @property {boolean} [rehearsal]
 * @property {boolean} [show_winners]
 * @property {Audience} [audience]
 * @property {ClaimConditions} [claim_conditions]
 * @property {Task} [task]
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
 * @property {DrawCard} [draw]
 * @property {number} [entries]
 * @property {DropSeal} [seal]
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
