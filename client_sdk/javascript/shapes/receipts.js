// @ts-check
/**
 * Receipts: the seal of a closed drop (`drops.js`) with the path of one's own claim in it. Twin of
 * `python/shapes/receipts.py`.
 *
 * @module
 */

/** @import {Why} from "./claims.js" */

/**
 * The student's own claim in the tree. `turn` above 1: the unit came back and was given again. Without
 * `student` and `salt` the account was merged after its claim.
 *
 * @typedef {object} OwnReceipt
 * @property {number} unit
 * @property {number} turn
 * @property {string} won_at
 * @property {string} [student]
 * @property {string} [salt]
 * @property {string} leaf
 * @property {number} index
 * @property {string[]} path
 */

/**
 * The receipt of a drop. `own` is that of the student who asks, `why` the reason where they have none; `leaves`
 * only where asked for.
 *
 * @typedef {object} Receipt
 * @property {string} drop_id
 * @property {string} root
 * @property {number} count
 * @property {number} stock
 * @property {number} came_back
 * @property {number} given_again
 * @property {string} seal
 * @property {string} [previous]
 * @property {string} closed_at
 * @property {string} sealed_at
 * @property {OwnReceipt} [own]
 * @property {Why} [why]
 * @property {string[]} [leaves]
 */

export {};
