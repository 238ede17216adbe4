// @ts-check
/**
 * Redemptions, refunds and the records of orders. Amounts are minor units. Twin of
 * `python/shapes/redemptions.py`.
 *
 * @module
 */

/** @import {CouponRecord} from "./coupons.js" */
/** @import {Order, PricedLine, QuotedGift} from "./quotes.js" */

/**
 * The body that locks coupons for an order. The lock is refused with `total_changed` where the
 * order does not come to `expected_payable`.
 *
 * @typedef {object} RedemptionForm
 * @property {string} order_id
 * @property {string} student
 * @property {Order} order
 * @property {string[]} coupons
 * @property {number} [expected_payable]
 * @property {number} [lock_seconds]
 * @property {number} [balance]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * The sum `paid`, and the version of the lock that was paid for. One of the two is needed where
 * the order's lock was replaced.
 *
 * @typedef {object} Payment
 * @property {string} [payment_ref]
 * @property {string} [paid_at]
 * @property {number} [paid]
 * @property {number} [expected_version]
 */

/**
 * The pieces or the money to refund of a line. With neither, all that is left of the line.
 *
 * @typedef {object} RefundLine
 * @property {string} id
 * @property {number} [quantity]
 * @property {number} [amount]
 */

/**
 * The body of a refund. Without `lines`, all that is left of the order; `preview` changes
 * nothing.
 *
 * @typedef {object} RefundForm
 * @property {string} refund_id
 * @property {RefundLine[]} [lines]
 * @property {boolean} [preview]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * A line of a refund. `refundable` is what is left to refund after it.
 *
 * @typedef {object} RefundedLine
 * @property {string} id
 * @property {number} refunded
 * @property {number} quantity
 * @property {number} refundable
 */

/**
 * The state of a coupon after the refund. `budget_short`: it stays used, because its campaign's
 * budget has no room for a second use.
 *
 * @typedef {object} CouponOfRefund
 * @property {string} code
 * @property {string} state
 * @property {"budget_short"} [reason]
 */

/**
 * A refund. `refunded` is to be paid back now: the sum of its lines, less `charged_back`.
 * `total` is what the order's refunds come to. `balance` is what went back to the student's
 * balance besides.
 *
 * @typedef {object} Refund
 * @property {string} refund_id
 * @property {number} refunded
 * @property {number} charged_back
 * @property {number} total
 * @property {number} balance
 * @property {RefundedLine[]} lines
 * @property {CouponOfRefund[]} coupons
 * @property {Record<string, string>} metadata
 * @property {string} created_at
 */

/**
 * A coupon on an order. `shares` is the discount of each line, by the line's id.
 *
 * @typedef {object} RedeemedCoupon
 * @property {string} id
 * @property {string} code
 * @property {number} discount
 * @property {Record<string, number>} shares
 */

/**
 * The rebate of a coupon on an order. `shares` is the amount that each line earns, by the
 * line's id. `days` is absent where it is credited at the payment.
 *
 * @typedef {object} EarnedRebate
 * @property {string} coupon_id
 * @property {number} amount
 * @property {number} [days]
 * @property {Record<string, number>} shares
 */

/**
 * Coupons on an order. `version` grows by one for each other lock that takes its place.
 * `balance` is the part that the student's balance pays; `refunded` is the sum of `refunds`.
 *
 * @typedef {object} Redemption
 * @property {string} id
 * @property {string} order_id
 * @property {string} student
 * @property {"locked"|"redeemed"|"cancelled"|"expired"} state
 * @property {number} version
 * @property {string} expires_at
 * @property {string} currency
 * @property {number} subtotal
 * @property {number} discount
 * @property {number} payable
 * @property {PricedLine[]} lines
 * @property {RedeemedCoupon[]} coupons
 * @property {QuotedGift[]} gifts
 * @property {EarnedRebate[]} rebates
 * @property {number} balance
 * @property {string} [payment_ref]
 * @property {string} [paid_at]
 * @property {number} refunded
 * @property {Refund[]} refunds
 * @property {Record<string, string>} metadata
 * @property {string} created_at
 * @property {string} updated_at
 */

/**
 * A coupon of an order, with its whole record. `shares` is the discount of each line, by its
 * id.
 *
 * @typedef {object} OrderCoupon
 * @property {number} discount
 * @property {Record<string, number>} shares
 * @property {CouponRecord} coupon
 */

/**
 * A line of an order: amount = discount + payable. `refunded` is money, `returned` is pieces.
 *
 * @typedef {object} RecordedLine
 * @property {string} id
 * @property {"course"|"shipping"|"tax"|"fee"} kind
 * @property {string} [course]
 * @property {number} quantity
 * @property {number} unit_price
 * @property {number} [list_price]
 * @property {number} amount
 * @property {number} discount
 * @property {number} payable
 * @property {number} refunded
 * @property {number} returned
 */

/**
 * A lock that was cancelled before its order was locked again.
 *
 * @typedef {object} CancelledLock
 * @property {number} version
 * @property {string} cancelled_at
 * @property {number} payable
 */

/**
 * An order with everything that happened to it. `list_total` is its sum before the school's own
 * sale prices; `cancelled_locks` are those before `redemption`.
 *
 * @typedef {object} OrderRecord
 * @property {string} order_id
 * @property {number} list_total
 * @property {RecordedLine[]} lines
 * @property {OrderCoupon[]} coupons
 * @property {Redemption} redemption
 * @property {CancelledLock[]} cancelled_locks
 */

export {};
