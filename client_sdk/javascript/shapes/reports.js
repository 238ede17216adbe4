// @ts-check
/**
 * Reports: figures by day, batch, room and others. Twin of `python/shapes/reports.py`.
 *
 * @module
 */

/** @typedef {"coupons"|"orders"|"courses"} ReportKind */
/** @typedef {"day"|"hour"|"batch"|"channel"|"room"|"instructor"|"campaign"|"phase"} ReportBy */

/**
 * A figure; null where there is nothing to divide by. Money is in minor units.
 * @typedef {object} ReportFigure
 * @property {number|null} gross
 * @property {number|null} net
 */

/**
 * `key`: the day, the hour, the id or the name; `total` in totals. `course`: in a report of courses.
 * @typedef {object} ReportRow
 * @property {string} key
 * @property {string|null} course
 * @property {string} currency
 * @property {Record<string, ReportFigure>} figures
 */

/**
 * Average order values with and without a coupon, in the same weeks and of the same courses.
 * @typedef {object} ReportComparison
 * @property {string} currency
 * @property {number} strata
 * @property {number} orders
 * @property {number|null} average
 * @property {number|null} average_without
 */

/**
 * @typedef {object} Report
 * @property {ReportKind} report
 * @property {ReportBy} by
 * @property {string} from
 * @property {string} to
 * @property {"once"|"once_a_room"} order_counts
 * @property {ReportRow[]} rows
 * @property {ReportRow[]} totals
 * @property {ReportComparison[]} comparison
 * @property {string|null} next
 */

/**
 * A figure in words. `formula`: of the net figure.
 * @typedef {object} ReportDefinition
 * @property {ReportKind} report
 * @property {string} name
 * @property {"count"|"money"|"ratio"} unit
 * @property {string} formula
 * @property {string} zh
 * @property {string} en
 */

/**
 * @typedef {object} ReportDefinitions
 * @property {ReportDefinition[]} definitions
 */

export {};
