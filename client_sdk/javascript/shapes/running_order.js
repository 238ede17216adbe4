// @ts-check
/**
 * The running order of a room: which prepared drops open by themselves, and when. Twin of
 * `python/shapes/running_order.py`.
 *
 * @module
 */

/** @import {DropState} from "./drops.js" */

/**
 * A prepared drop, and at most one moment. Without one it waits at its place for its teacher.
 *
 * @typedef {object} OrderEntryForm
 * @property {string} drop_id
 * @property {string} [at]
 * @property {number} [minute]
 * @property {number} [video_seconds]
 */

/**
 * An entry as it is. `reason`: the code of one that was refused. `due_at`: when it fires, where a
 * clock says so and the order is not held.
 *
 * @typedef {object} OrderEntry
 * @property {string} drop_id
 * @property {string} [at]
 * @property {number} [minute]
 * @property {number} [video_seconds]
 * @property {"waiting"|"fired"|"missed"|"refused"} state
 * @property {string} [reason]
 * @property {string} [due_at]
 * @property {DropState} drop_state
 * @property {number} quantity
 */

/**
 * The order, and the state of the class. While `held` nothing fires. `version`: changes with the drops,
 * their places and their moments.
 *
 * @typedef {object} RunningOrder
 * @property {string} version
 * @property {OrderEntry[]} entries
 * @property {boolean} held
 * @property {string} [held_by]
 * @property {string|null} started_at
 * @property {number} [video_seconds]
 * @property {string} [video_at]
 * @property {string} now
 */

/**
 * A link for the projector: the page's URL with its token, which reads the room and does nothing.
 *
 * @typedef {object} ScreenLink
 * @property {string} url
 * @property {string} token
 * @property {string} expires_at
 */

export {};
