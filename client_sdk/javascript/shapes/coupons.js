// @ts-check
/**
 * Coupons: in a wallet, in a room, and with their history. Twin of `python/shapes/coupons.py`.
 *
 * @module
 */

/** @import {Template} from "./templates.js" */

/** @typedef {"usable"|"locked"|"redeemed"|"released"|"revoked"|"voided"|"expired"} CouponState */

/**
 * @typedef {"locked"|"freed"|"kept"|"paid"|"paid_late"|"given_back"|"taken_back"|"window_ended"
 *   |"hold_ended"|"revoked"|"voided"} CouponEventName
 */

/**
 * A coupon that a claim gave. `use_by` is the one date to show.
 * `state`: usable, locked, redeemed, expired or voided. `version` counts its changes of state;
 * absent means 0. `order_id` is there while it is locked or redeemed, `locked_until` while it
 * is locked.
 *
 * @typedef {object} Coupon
 * @property {string} id
 * @property {string} code
 * @property {string} name
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} use_by
 * @property {string} [use_url]
 * @property {string} state
 * @property {number} [version]
 * @property {string} [order_id]
 * @property {string} [locked_until]
 * @property {string} [redeemed_at]
 * @property {boolean} [rehearsal]
 */

/**
 * A change of state of one of the student's coupons. `drop_id` is absent where no drop gave it.
 *
 * @typedef {object} CouponChange
 * @property {string} coupon_id
 * @property {string} [drop_id]
 * @property {string} state
 * @property {number} [version]
 * @property {string} [use_by]
 * @property {string} [order_id]
 * @property {string} [locked_until]
 * @property {string} [redeemed_at]
 */

/**
 * A coupon in the student's wallet, also when it was released or revoked. See `Coupon`.
 *
 * @typedef {object} WalletCoupon
 * @property {string} id
 * @property {string} code
 * @property {"usable"|"locked"|"redeemed"|"expired"|"released"|"revoked"} state
 * @property {string} name
 * @property {Template} template
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} use_by
 * @property {string} [drop_id]
 * @property {string} batch_id
 * @property {number} [version]
 * @property {string} [order_id]
 * @property {string} [locked_until]
 * @property {string} [redeemed_at]
 */

/**
 * A claim that is won and not confirmed yet, so that it has no coupon.
 *
 * @typedef {object} PendingClaim
 * @property {string} drop_id
 * @property {"won"} state
 * @property {string} won_at
 */

/**
 * A page of the student's coupons, newest first. `next` is null on the last page.
 *
 * @typedef {object} Wallet
 * @property {WalletCoupon[]} coupons
 * @property {PendingClaim[]} pending
 * @property {string|null} next
 */

/**
 * An event of a coupon, and the state that it led to.
 *
 * @typedef {object} CouponMove
 * @property {string} at
 * @property {CouponEventName} event
 * @property {CouponState} state
 * @property {string} [order_id]
 */

/**
 * A coupon with its whole `history`, the oldest move first. `student` is absent while nobody
 * has it.
 *
 * @typedef {object} CouponRecord
 * @property {string} id
 * @property {string} code
 * @property {CouponState} state
 * @property {string} [student]
 * @property {string} source
 * @property {string} batch_id
 * @property {string} [drop_id]
 * @property {Template} template
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} use_by
 * @property {string} created_at
 * @property {string} [won_at]
 * @property {string} [bound_at]
 * @property {string} [redeemed_at]
 * @property {CouponMove[]} history
 */

export {};
