// @ts-check
/**
 * Everything that is kept of one student. Twin of `python/shapes/records.py`.
 *
 * @module
 */

/** @import {Student} from "./students.js" */

/** @typedef {"coupons"|"claims"|"orders"|"refunds"|"balance_entries"|"messages"|"blocks"|"acts"|"jobs"} RecordSection */

/**
 * A coupon of the student. `state` as it is stored.
 *
 * @typedef {object} RecordCoupon
 * @property {string} id
 * @property {string} code
 * @property {string} name
 * @property {string} state
 * @property {string} source
 * @property {string} batch_id
 * @property {string} [drop_id]
 * @property {string} [issuance_id]
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} [hold_until]
 * @property {string} created_at
 * @property {string} [redeemed_at]
 */

/**
 * A claim of the student; `id` is its coupon's.
 *
 * @typedef {object} RecordClaim
 * @property {string} id
 * @property {string} claim_id
 * @property {string} drop_id
 * @property {string} batch_id
 * @property {string} state
 * @property {string} [reason]
 * @property {string} won_at
 * @property {string} confirmed_at
 */

/**
 * An order of the student; `id` is its redemption's.
 *
 * @typedef {object} RecordOrder
 * @property {string} id
 * @property {string} order_id
 * @property {string} state
 * @property {string} currency
 * @property {number} subtotal
 * @property {number} discount
 * @property {number} payable
 * @property {string} created_at
 * @property {string} [paid_at]
 */

/**
 * The refunds of one order, added up.
 *
 * @typedef {object} RecordRefunds
 * @property {string} id
 * @property {string} order_id
 * @property {string} currency
 * @property {number} refunds
 * @property {number} refunded
 * @property {number} charged_back
 * @property {string} last_at
 */

/**
 * The balance in one currency.
 *
 * @typedef {object} RecordBalance
 * @property {string} currency
 * @property {number} amount
 */

/**
 * A change of the balance.
 *
 * @typedef {object} RecordEntry
 * @property {string} id
 * @property {string} at
 * @property {string} currency
 * @property {number} amount
 * @property {string} kind
 * @property {string} [redemption_id]
 */

/**
 * A message to the student.
 *
 * @typedef {object} RecordMessage
 * @property {string} id
 * @property {string} kind
 * @property {string} channel
 * @property {string} state
 * @property {string} [reason]
 * @property {string} [text]
 * @property {string} [coupon_id]
 * @property {string} [cause]
 * @property {string} created_at
 * @property {string} [sent_at]
 */

/**
 * A block of the student; `kind` `sub` is a revocation of tokens.
 *
 * @typedef {object} RecordBlock
 * @property {string} id
 * @property {string} kind
 * @property {string} reason
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} [until]
 * @property {string} [ended_at]
 */

/**
 * An act on the student.
 *
 * @typedef {object} RecordAct
 * @property {string} id
 * @property {string} at
 * @property {string} actor
 * @property {string} action
 * @property {Record<string, unknown>} detail
 */

/**
 * An export or erasure of the student.
 *
 * @typedef {object} RecordJob
 * @property {string} id
 * @property {string} kind
 * @property {string} state
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} [done_at]
 */

/**
 * The newest rows of each section. `more`: section -> the `after` with which it goes on. `profile` is absent
 * for a student of whom the school has told nothing.
 *
 * @typedef {object} StudentRecord
 * @property {string} id
 * @property {Student} [profile]
 * @property {RecordBalance[]} balance
 * @property {RecordCoupon[]} [coupons]
 * @property {RecordClaim[]} [claims]
 * @property {RecordOrder[]} [orders]
 * @property {RecordRefunds[]} [refunds]
 * @property {RecordEntry[]} [balance_entries]
 * @property {RecordMessage[]} [messages]
 * @property {RecordBlock[]} [blocks]
 * @property {RecordAct[]} [acts]
 * @property {RecordJob[]} [jobs]
 * @property {Record<RecordSection, string>} more
 */

export {};
