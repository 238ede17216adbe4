// @ts-check
/**
 * Links: ways to claim outside a room, as operators see them, and the card that visitors see. Twin of
 * `python/shapes/links.py`.
 *
 * @module
 */

/** @import {Drop} from "./drops.js" */
/** @import {Task, TaskForm} from "./tasks.js" */

/** @typedef {"active"|"paused"|"exhausted"|"ended"} LinkState */

/**
 * A new link of a batch. `per_student` can only be 1. `message` is on the card, `note` for the staff.
 * `prompt`: students see it on course pages and at the checkout, too.
 *
 * @typedef {object} LinkForm
 * @property {string} channel
 * @property {number} quantity
 * @property {number|null} [per_student]
 * @property {string|null} [opens_at]
 * @property {string|null} [closes_at]
 * @property {TaskForm|null} [task]
 * @property {string|null} [message]
 * @property {string|null} [note]
 * @property {boolean} [prompt]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * Changes of a link; what is left out stays. `ended` is for good. `add`: more units of its batch, if its
 * quantity is `expected_quantity`; not together with `state` or `closes_at`.
 *
 * @typedef {object} LinkEdit
 * @property {"active"|"paused"|"ended"|null} [state]
 * @property {string|null} [note]
 * @property {string|null} [closes_at]
 * @property {boolean|null} [prompt]
 * @property {number|null} [add]
 * @property {number|null} [expected_quantity]
 */

/**
 * A link with its counts: quantity = remaining + claimed + returned. `reason`: why it ended.
 *
 * @typedef {object} Link
 * @property {string} id
 * @property {string} slug
 * @property {string} url
 * @property {string} batch_id
 * @property {string} drop_id
 * @property {string} channel
 * @property {string} note
 * @property {LinkState} state
 * @property {string} [reason]
 * @property {Task} [task]
 * @property {number} quantity
 * @property {number} remaining
 * @property {number} per_student
 * @property {string} opens_at
 * @property {string} closes_at
 * @property {number} opened
 * @property {number} claimed
 * @property {number} claimed_total
 * @property {number} confirmed
 * @property {number} used
 * @property {number} returned
 * @property {boolean} prompt
 * @property {Record<string, string>} metadata
 * @property {string} created_by
 * @property {string} created_at
 */

/**
 * @typedef {object} Links
 * @property {Link[]} links
 * @property {string|null} next
 */

/**
 * The part of a link that anybody may see. `drop` is as in `drop_opened`.
 *
 * @typedef {object} LinkCard
 * @property {string} slug
 * @property {LinkState} state
 * @property {string} [reason]
 * @property {string} opens_at
 * @property {string} closes_at
 * @property {Drop} drop
 */

/**
 * A ticket of the changing QR code of a drop. `svg` is the code of `url`, to be shown until `changes_at`.
 *
 * @typedef {object} Ticket
 * @property {string} ticket
 * @property {string} url
 * @property {string} svg
 * @property {string} changes_at
 * @property {string} good_until
 */

/**
 * The drop of a ticket, as anybody may see it while the ticket is good.
 *
 * @typedef {object} TicketCard
 * @property {string} room
 * @property {string} good_until
 * @property {Drop} drop
 */

export {};
