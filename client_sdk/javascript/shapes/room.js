// @ts-check
/**
 * A room in a session: its state, and the events that tell of changes. Twin of
 * `python/shapes/room.py`.
 *
 * @module
 */

/** @import {Claim} from "./claims.js" */
/** @import {CouponChange} from "./coupons.js" */
/** @import {Drop} from "./drops.js" */
/** @import {RoomMessage} from "./messages.js" */
/** @import {OfferState, OpenOffer} from "./offers.js" */
/** @import {TaskProgress} from "./tasks.js" */

/**
 * The state of the connection. After `waiting` the client reconnects by itself, after `stopped` it does
 * not.
 * @typedef {"connecting"|"joining"|"live"|"waiting"|"stopped"} Status
 */

/**
 * The connection has another status. `code` is the close code that led to `waiting` or `stopped`; null
 * where there was none.
 *
 * @typedef {object} StatusEvent
 * @property {"status"} type
 * @property {Status} status
 * @property {number|null} code
 */

/**
 * The whole state may have changed: show it afresh.
 *
 * @typedef {object} WelcomeEvent
 * @property {"welcome"} type
 */

/**
 * @typedef {"drop_opened"|"drop_changed"|"drop_progress"|"drop_closed"|"drop_removed"} DropEventType
 */

/**
 * A drop has changed. The session makes a `drop_changed` also when the server's time opens or closes a
 * drop.
 *
 * @typedef {object} DropEvent
 * @property {DropEventType} type
 * @property {Drop} drop
 */

/**
 * The number of people in the room; instructors only.
 *
 * @typedef {object} PresenceEvent
 * @property {"presence"} type
 * @property {number} present
 */

/**
 * Masked names of some who won since the last event, and how many won besides; only of drops with
 * `show_winners`.
 *
 * @typedef {object} WinnersEvent
 * @property {"winners"} type
 * @property {string} drop_id
 * @property {string[]} names
 * @property {number} more
 */

/**
 * One of the student's claims has changed.
 *
 * @typedef {object} ClaimEvent
 * @property {"claim"} type
 * @property {Claim} claim
 */

/**
 * One of the student's coupons has changed its state. Where a claim gave the coupon, a ClaimEvent comes
 * besides.
 *
 * @typedef {object} CouponEvent
 * @property {"coupon"} type
 * @property {CouponChange} coupon
 */

/**
 * A message to the student; it comes once, however often the server sends it.
 *
 * @typedef {object} MessageEvent
 * @property {"message"} type
 * @property {RoomMessage} message
 */

/**
 * A coupon is kept for the student; the same offer may come twice.
 *
 * @typedef {object} OfferEvent
 * @property {"offer"} type
 * @property {OpenOffer} offer
 */

/**
 * An offer is open no more, for the reason in `state`.
 *
 * @typedef {object} OfferWithdrawnEvent
 * @property {"offer_withdrawn"} type
 * @property {string} offer_id
 * @property {OfferState} state
 */

/**
 * The student has come further with the task of a drop.
 *
 * @typedef {object} TaskEvent
 * @property {"task"} type
 * @property {TaskProgress} task
 */

/**
 * The server has refused a frame. `code` is one of PROTOCOL.md; `retry_after_ms` null: no wait named.
 *
 * @typedef {object} ErrorEvent
 * @property {"error"} type
 * @property {string} code
 * @property {string} message
 * @property {number|null} retry_after_ms
 */

/**
 * @typedef {StatusEvent|WelcomeEvent|DropEvent|WinnersEvent|PresenceEvent|ClaimEvent|CouponEvent|MessageEvent
 *   |OfferEvent|OfferWithdrawnEvent|TaskEvent|ErrorEvent} RoomEvent
 */

/**
 * Everything there is to show.
 *
 * @typedef {object} RoomState
 * @property {string} room
 * @property {string|null} student
 * @property {Status} status
 * @property {number|null} closeCode why the connection is waiting or stopped; null where there was no
 *   close code
 * @property {number|null} retryAt time of the next attempt, in local ms (`performance.now()`)
 * @property {number} clockOffsetMs the server's time minus local ms (not minus the time of day)
 * @property {number} present
 * @property {Drop[]} drops in the order in which they arrived
 * @property {Record<string, Claim>} claims by drop id
 * @property {Record<string, TaskProgress>} tasks by drop id
 */

export {};
