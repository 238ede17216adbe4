// @ts-check
/**
 * Statements: what finance books for each day. Twin of `python/shapes/statements.py`.
 *
 * @module
 */

/** @typedef {"sale"|"refund"|"adjustment"} StatementLineKind */
/** @typedef {"csv"|"xlsx"|"ndjson"} StatementFormat */

/**
 * A line; amounts are in minor units, prices of one piece. `share`: what the coupon took off this order line;
 * without a coupon, what the balance paid.
 * @typedef {object} StatementLine
 * @property {string} date
 * @property {StatementLineKind} kind
 * @property {string} order
 * @property {string|null} line
 * @property {string|null} course
 * @property {string} currency
 * @property {number} quantity
 * @property {number|null} list_price
 * @property {number|null} sale_price
 * @property {string|null} code
 * @property {string|null} coupon
 * @property {string|null} template
 * @property {number|null} version
 * @property {string|null} campaign
 * @property {string|null} batch
 * @property {string|null} channel
 * @property {string|null} drop
 * @property {string|null} room
 * @property {string|null} instructor
 * @property {number} share
 * @property {number} paid
 * @property {number} refunded
 * @property {string|null} payment_ref
 * @property {string|null} refund
 * @property {string|null} for_date
 */

/**
 * @typedef {object} Statement
 * @property {StatementLine[]} lines
 * @property {string|null} next
 */

/**
 * @typedef {object} StatementTotals
 * @property {number} share
 * @property {number} paid
 * @property {number} refunded
 */

/**
 * @typedef {object} StatementDay
 * @property {string} date
 * @property {boolean} is_sealed
 * @property {string|null} sealed_at
 * @property {number|null} lines
 * @property {Record<string, StatementTotals>|null} totals
 * @property {string|null} sha256
 * @property {string|null} prev_sha256
 */

/**
 * @typedef {object} StatementDays
 * @property {StatementDay[]} days
 */

/**
 * @typedef {object} ProviderOrder
 * @property {string} order
 * @property {number} paid
 * @property {number} [refunded]
 */

/**
 * @typedef {object} StatementMatchForm
 * @property {string} from
 * @property {string} to
 * @property {ProviderOrder[]} orders
 */

/**
 * @typedef {object} MatchedOrder
 * @property {string} order
 * @property {number} paid
 * @property {number} refunded
 */

/**
 * @typedef {object} DifferentOrder
 * @property {string} order
 * @property {number} paid
 * @property {number} refunded
 * @property {number} their_paid
 * @property {number} their_refunded
 */

/**
 * @typedef {object} StatementMatch
 * @property {number} equal
 * @property {number} different_total
 * @property {number} only_here_total
 * @property {number} only_there_total
 * @property {DifferentOrder[]} different
 * @property {MatchedOrder[]} only_here
 * @property {MatchedOrder[]} only_there
 */

export {};
