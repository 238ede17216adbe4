// @ts-check
/**
 * Orders and quotes: what an order costs with given coupons. Amounts are minor units. Twin of
 * `python/shapes/quotes.py`.
 *
 * @module
 */

/**
 * A line of an order. `course` is needed where `kind` is absent or `course`. `list_price` is
 * the price of one piece before the school's own sale; a discount takes no piece below
 * `floor_price`.
 *
 * @typedef {object} OrderLine
 * @property {string} id
 * @property {string} [course]
 * @property {string[]} [packages]
 * @property {number} unit_price
 * @property {number} quantity
 * @property {number} [list_price]
 * @property {"course"|"shipping"|"tax"|"fee"} [kind]
 * @property {number} [floor_price]
 */

/**
 * The lines of an order, all in one currency.
 *
 * @typedef {object} Order
 * @property {string} currency
 * @property {OrderLine[]} lines
 */

/**
 * The body of a quote. `coupons` are codes, or `best` for the best choice of the student's
 * wallet.
 * `balance` is the most to take from the student's balance. `order_id` names the student's own
 * order; coupons that this order has locked are free for it.
 *
 * @typedef {object} QuoteForm
 * @property {string} [student]
 * @property {Order} order
 * @property {string[]|"best"} [coupons]
 * @property {number} [balance]
 * @property {string} [order_id]
 */

/**
 * The discount of a line, and what is left to pay.
 *
 * @typedef {object} PricedLine
 * @property {string} id
 * @property {number} discount
 * @property {number} payable
 */

/**
 * A coupon that was applied, and the amount `base` that its discount was computed on. `worth`
 * is the value of a gift or rebate, whose discount is 0.
 *
 * @typedef {object} Applied
 * @property {string} code
 * @property {number} discount
 * @property {number} base
 * @property {number} [worth]
 */

/**
 * A line at 0. `list_price` is that of one piece, `coupon` the code that adds the line.
 *
 * @typedef {object} QuotedGift
 * @property {string} course
 * @property {string} [name]
 * @property {number} quantity
 * @property {number} list_price
 * @property {string} coupon
 */

/**
 * The `amount` that a coupon credits after the payment, or `days` after it.
 *
 * @typedef {object} QuotedRebate
 * @property {string} code
 * @property {number} amount
 * @property {"payment"|"return_window"} after
 * @property {number} [days]
 */

/**
 * The best choice of the wallet. `exact` is false where the search stopped at its limit.
 *
 * @typedef {object} Best
 * @property {string[]} codes
 * @property {number} discount
 * @property {boolean} exact
 */

/**
 * A coupon that could be selected. `adds` is the discount that it adds to the selection; `fits`
 * says whether it can be combined with it.
 *
 * @typedef {object} Usable
 * @property {string} code
 * @property {string} name
 * @property {number} discount
 * @property {number} adds
 * @property {number} [worth]
 * @property {boolean} fits
 * @property {string} use_by
 */

/**
 * @typedef {"not_yet_valid"|"expired"|"locked"|"redeemed"|"released"|"revoked"|"stopped"
 *   |"limit_reached"|"below_threshold"|"out_of_scope"|"wrong_currency"|"saves_nothing"
 *   |"not_combinable"|"too_many"|"unknown"} UnusableReason
 */

/**
 * A coupon that cannot be used now. `short_by` (minor units) and `short_pieces` are what the
 * order lacks to reach the threshold.
 *
 * @typedef {object} Unusable
 * @property {string} code
 * @property {UnusableReason} reason
 * @property {number} [short_by]
 * @property {number} [short_pieces]
 */

/**
 * A hint: an order with `spend_more` more saves at least `save_more` more. Where pieces are missing,
 * `pieces_more` pieces of equal price make up the sum.
 *
 * @typedef {object} Hint
 * @property {string} code
 * @property {number} spend_more
 * @property {number} [pieces_more]
 * @property {number} save_more
 * @property {number} [worth]
 */

/**
 * The student's balance, and the part of it that this order uses. `used` is part of `discount`.
 *
 * @typedef {object} BalanceUse
 * @property {number} available
 * @property {number} used
 */

/**
 * The price of an order with the given coupons. subtotal = discount + payable.
 *
 * @typedef {object} Quote
 * @property {number} subtotal
 * @property {number} discount
 * @property {number} payable
 * @property {PricedLine[]} lines
 * @property {Applied[]} applied
 * @property {QuotedGift[]} gifts
 * @property {QuotedRebate[]} rebates
 * @property {Best} best
 * @property {Usable[]} usable
 * @property {Unusable[]} unusable
 * @property {Hint[]} hints
 * @property {BalanceUse} balance
 */

export {};
