// @ts-check
/**
 * Draws: the proof document, and a student's own entry. Twin of `python/shapes/draws.py`.
 *
 * @module
 */

/** @import {DrawReceipt} from "./claims.js" */
/** @import {DropState} from "./drops.js" */

/**
 * The proof of a draw: all that is needed to check it (`draws.verifyDraw`).
 * `root` and `count` are null until the entries are sealed, `seed` until they are drawn or the draw is
 * aborted. `leaves` of all entries, in their order; `winners`: indexes of leaves, in the order of the
 * draw. `beacon`: of a public beacon, where the draw had one.
 *
 * @typedef {object} Draw
 * @property {string} drop_id
 * @property {DropState} state
 * @property {string} commitment
 * @property {string|null} seed
 * @property {string|null} root
 * @property {number|null} count
 * @property {number|null} units
 * @property {string[]} leaves
 * @property {number[]} winners
 * @property {string} [beacon]
 * @property {string} [abort_reason]
 */

/**
 * The student's own entry. `result` is `entered` while nobody knows.
 *
 * @typedef {object} DrawEntry
 * @property {DrawReceipt} receipt
 * @property {"entered"|"won"|"not_drawn"} result
 */

export {};
