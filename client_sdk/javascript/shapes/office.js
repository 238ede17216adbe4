// @ts-check
/**
 * The lists of the office: all orders and all coupons, with the filters of both. Twin of
 * `python/shapes/office.py`.
 *
 * @module
 */

/** @typedef {"locked"|"redeemed"|"cancelled"|"expired"} ListedOrderState */

/** @typedef {"usable"|"locked"|"redeemed"|"expired"|"released"|"revoked"} ListedCouponState */

/**
 * @typedef {object} OrderFilter
 * @property {string} [student]
 * @property {ListedOrderState} [state]
 * @property {string} [batch_id]
 * @property {string} [from]
 * @property {string} [to]
 */

/**
 * @typedef {object} CouponFilter
 * @property {string} [student]
 * @property {string} [batch_id]
 * @property {string} [drop_id]
 * @property {string} [campaign_id]
 * @property {string} [source]
 * @property {ListedCouponState} [state]
 * @property {string} [from]
 * @property {string} [to]
 */

/**
 * An order in the list; `id` is its redemption's. `codes`: of the coupons on it.
 *
 * @typedef {object} ListedOrder
 * @property {string} id
 * @property {string} order_id
 * @property {string} student
 * @property {ListedOrderState} state
 * @property {string} currency
 * @property {number} subtotal
 * @property {number} discount
 * @property {number} payable
 * @property {number} refunded
 * @property {string[]} codes
 * @property {string} [payment_ref]
 * @property {string} created_at
 * @property {string} [paid_at]
 * @property {string} expires_at
 */

/**
 * A page of orders, newest first. It may be short, even empty: go on while `next` is not null.
 *
 * @typedef {object} Orders
 * @property {ListedOrder[]} orders
 * @property {string|null} next
 */

/**
 * A coupon in the list. `name`: its template's. `state`: the one that its student sees.
 *
 * @typedef {object} ListedCoupon
 * @property {string} id
 * @property {string} code
 * @property {ListedCouponState} state
 * @property {string} [student]
 * @property {string} source
 * @property {string} name
 * @property {string} batch_id
 * @property {string} template_id
 * @property {string} [drop_id]
 * @property {string} [issuance_id]
 * @property {string} [order_id]
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} use_by
 * @property {string} created_at
 * @property {string} [redeemed_at]
 */

/**
 * A page of coupons, newest first. It may be short, even empty: go on while `next` is not null.
 *
 * @typedef {object} ListedCoupons
 * @property {ListedCoupon[]} coupons
 * @property {string|null} next
 */

/**
 * @typedef {"student"|"coupon"|"order"|"template"|"batch"|"campaign"|"price_rule"|"approval"
 *   |"drop"|"room"|"link"|"issuance"
 *   |"audience"|"import"|"trigger"|"pack"|"lottery"|"experiment"|"offer"|"message"|"webhook"|"alert"|"act"
 *   |"block"|"job"} FoundKind
 */

/**
 * A thing that one text names. `id`: of an order the school's number.
 *
 * @typedef {object} Found
 * @property {FoundKind} kind
 * @property {string} id
 * @property {string} [name]
 * @property {string} [state]
 * @property {string} [student]
 * @property {string} [code]
 * @property {string} [room]
 */

/**
 * All that one text names, the most exact first.
 *
 * @typedef {object} FoundThings
 * @property {Found[]} found
 */

export {};
