// @ts-check
/**
 * The balance of a student, which rebates fill and orders spend. Amounts are minor units. Twin of
 * `python/shapes/balances.py`.
 *
 * @module
 */

/**
 * The balance in one currency.
 *
 * @typedef {object} Balance
 * @property {string} currency
 * @property {number} amount
 */

/**
 * One change of a balance. `amount` is negative where it was spent or taken back.
 *
 * @typedef {object} BalanceEntry
 * @property {string} id
 * @property {string} at
 * @property {string} currency
 * @property {number} amount
 * @property {"rebate"|"spent"|"given_back"|"taken_back"|"merged"} kind
 * @property {string} [redemption_id]
 */

/**
 * The student's balances, and a page of entries, newest first. `next` is null on the last page.
 *
 * @typedef {object} Account
 * @property {Balance[]} balances
 * @property {BalanceEntry[]} entries
 * @property {string|null} next
 */

export {};
