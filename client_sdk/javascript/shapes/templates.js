// @ts-check
/**
 * Templates: what a coupon is worth and where it may be used. Twin of
 * `python/shapes/templates.py`.
 *
 * @module
 */

/**
 * The credit of a rebate: the fields of an `amount_off` or a `percent_off` discount.
 *
 * @typedef {object} Credit
 * @property {"amount_off"|"percent_off"} kind
 * @property {number} [amount]
 * @property {number} [percent]
 * @property {number} [max_amount]
 * @property {"total"|"lines"} [of]
 */

/**
 * One of five kinds; each kind has its own fields.
 * amount_off: `amount` in minor units. percent_off: `percent` is what is taken off, 1..100 (20
 * = 8折), at most `max_amount`, `of` the total (where absent) or of each line. items_free: from
 * `from_items` pieces on, the `free_items` cheapest pieces are free. gift: `quantity` pieces of
 * `course` at 0; `list_price` is the price of one piece. rebate: `credit` goes to the student's
 * balance `after` the payment or after the return window of `return_window_days`.
 *
 * @typedef {object} Discount
 * @property {"amount_off"|"percent_off"|"items_free"|"gift"|"rebate"} kind
 * @property {number} [amount]
 * @property {number} [percent]
 * @property {number} [max_amount]
 * @property {"total"|"lines"} [of]
 * @property {number} [from_items]
 * @property {number} [free_items]
 * @property {string} [course]
 * @property {string} [name]
 * @property {number} [list_price]
 * @property {number} [quantity]
 * @property {Credit} [credit]
 * @property {"payment"|"return_window"} [after]
 * @property {number} [return_window_days]
 */

/** @typedef {"goods"|"shipping"|"tax"|"fee"} Deducts */

/**
 * The least that the goods in scope must come to: `min_amount` in minor units, `min_quantity` in pieces.
 * `counted` says which price counts: `before` other coupons (where absent), or `after` the
 * coupons that are applied earlier.
 *
 * @typedef {object} Threshold
 * @property {number} min_amount
 * @property {number} [min_quantity]
 * @property {"before"|"after"} [counted]
 */

/**
 * The lines that a coupon counts and takes from. Empty lists include every course.
 * `sale_prices` false excludes lines that are sold below their list price.
 *
 * @typedef {object} Scope
 * @property {string[]} courses
 * @property {string[]} packages
 * @property {string[]} [except_courses]
 * @property {string[]} [except_packages]
 * @property {boolean} [sale_prices]
 */

/**
 * @typedef {object} Stacking
 * @property {"product"|"order"|"shipping"} class
 * @property {("product"|"order"|"shipping")[]} combines_with
 */

/**
 * The state of a coupon after its order is cancelled or refunded: given `back`, or `kept` as
 * used.
 * `broken_threshold`: whether a partial refund that falls below the threshold charges the
 * discount back.
 *
 * @typedef {object} Returns
 * @property {"back"|"kept"} after_cancel
 * @property {"back"|"kept"} after_refund
 * @property {"back"|"kept"} after_partial_refund
 * @property {"keep"|"charge_back"} broken_threshold
 */

/**
 * `Returns` in a request; the server fills in what is absent.
 *
 * @typedef {object} ReturnsForm
 * @property {"back"|"kept"} [after_cancel]
 * @property {"back"|"kept"} [after_refund]
 * @property {"back"|"kept"} [after_partial_refund]
 * @property {"keep"|"charge_back"} [broken_threshold]
 */

/**
 * @typedef {object} Validity
 * @property {"fixed"|"relative"} kind
 * @property {string} [from]
 * @property {string} [until]
 * @property {number} [seconds]
 * @property {boolean} [cap_at_batch_end]
 * @property {number} [wait_seconds]
 */

/**
 * The look of the coupon card: a CSS colour, and the URL of an image.
 *
 * @typedef {object} Style
 * @property {string} [colour]
 * @property {string} [image]
 */

/**
 * The body that creates or replaces a template.
 *
 * @typedef {object} TemplateForm
 * @property {string} name
 * @property {string} description
 * @property {string} currency
 * @property {Discount} discount
 * @property {Threshold} threshold
 * @property {Scope} scope
 * @property {Validity} validity
 * @property {Deducts[]} [deducts]
 * @property {Stacking} [stacking]
 * @property {number} [uses_per_student]
 * @property {ReturnsForm} [returns]
 * @property {Style} [style]
 * @property {string} [use_url]
 * @property {Record<string, string>} [metadata]
 */

/**
 * One version of a template. A version never changes; a replacement makes the next one.
 *
 * @typedef {object} Template
 * @property {string} id
 * @property {number} version
 * @property {string} name
 * @property {string} description
 * @property {string} currency
 * @property {Discount} discount
 * @property {Threshold} threshold
 * @property {Scope} scope
 * @property {Validity} validity
 * @property {Deducts[]} deducts
 * @property {Stacking} stacking
 * @property {number} [uses_per_student]
 * @property {Returns} returns
 * @property {Style} [style]
 * @property {string} [use_url]
 * @property {Record<string, string>} metadata
 * @property {string} created_at
 */

/**
 * A page of templates. `next` is null on the last page.
 *
 * @typedef {object} Templates
 * @property {Template[]} templates
 * @property {string|null} next
 */

export {};
