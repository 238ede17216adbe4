// @ts-check
/**
 * Price rules: how often, for how long and how deep a course may be sold below its list price. Twin of
 * `python/shapes/price_rules.py`.
 *
 * @module
 */

/**
 * Limits for each of the courses, at least one. `max_days_on_offer`: in any 30 days.
 *
 * @typedef {object} PriceRuleForm
 * @property {string[]} courses
 * @property {number|null} [max_days_on_offer]
 * @property {number|null} [min_days_between]
 * @property {number|null} [max_depth_percent]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * A price rule. It is never changed, only ended.
 *
 * @typedef {object} PriceRule
 * @property {string} id
 * @property {string[]} courses
 * @property {number} [max_days_on_offer]
 * @property {number} [min_days_between]
 * @property {number} [max_depth_percent]
 * @property {Record<string, string>} metadata
 * @property {string} created_by
 * @property {string} created_at
 */

/**
 * Pieces sold, those below the list price, and the lowest price paid for one, in minor units.
 *
 * @typedef {object} CourseSales
 * @property {string} currency
 * @property {number} pieces
 * @property {number} pieces_below
 * @property {number} lowest_price
 */

/**
 * The last 30 days of a course.
 *
 * @typedef {object} CourseFigures
 * @property {string} course
 * @property {number} days_on_offer
 * @property {CourseSales[]} sales
 */

/**
 * A price rule and the figures of each of its courses.
 *
 * @typedef {object} PriceRuleFigures
 * @property {string} id
 * @property {string[]} courses
 * @property {number} [max_days_on_offer]
 * @property {number} [min_days_between]
 * @property {number} [max_depth_percent]
 * @property {Record<string, string>} metadata
 * @property {string} created_by
 * @property {string} created_at
 * @property {CourseFigures[]} figures
 */

/**
 * A page of price rules, newest first. `next` is null on the last page.
 *
 * @typedef {object} PriceRules
 * @property {PriceRule[]} price_rules
 * @property {string|null} next
 */

export {};
