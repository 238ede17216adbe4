// @ts-check
/**
 * Codes that are made without a drop. Twin of `python/shapes/codes.py`.
 *
 * @module
 */

/** @typedef {"list"|"link"} CodeSource */

/**
 * @typedef {"unbound"|"usable"|"locked"|"redeemed"|"expired"|"released"|"revoked"|"voided"} CodeState
 */

/**
 * A request for `quantity` codes, of which `made` exist. The server makes the rest by itself.
 *
 * @typedef {object} CodeRun
 * @property {string} id
 * @property {string} batch_id
 * @property {CodeSource} source
 * @property {number} quantity
 * @property {number} made
 * @property {Record<string, string>} metadata
 * @property {string} created_at
 */

/**
 * A code of a batch. It is `unbound` until a student has it.
 *
 * @typedef {object} ListedCode
 * @property {string} id
 * @property {string} code
 * @property {CodeState} state
 * @property {string} source
 * @property {string} [student]
 * @property {string} created_at
 * @property {string} [bound_at]
 * @property {string} [valid_from]
 * @property {string} [valid_until]
 */

/**
 * A page of codes. `next` is null on the last page.
 *
 * @typedef {object} Codes
 * @property {ListedCode[]} codes
 * @property {string|null} next
 */

/**
 * The state of a code after the call. It is null where the batch has no such code, and not
 * `voided` where a student has the code.
 *
 * @typedef {object} VoidedCode
 * @property {string} code
 * @property {CodeState|null} state
 */

/**
 * The codes of the call, in its order.
 *
 * @typedef {object} VoidedCodes
 * @property {VoidedCode[]} codes
 */

export {};
