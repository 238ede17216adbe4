// @ts-check
/**
 * Alerts: what somebody must look at. Twin of `python/shapes/alerts.py`.
 *
 * @module
 */

/**
 * @typedef {"money_used"|"pieces_used"|"batch_low"|"batch_paused"|"webhook_down"|"issuance_stuck"|"books_differ"
 *   |"coupons_unused"|"split_off"} AlertKind
 */
/** @typedef {"raise_budget"|"top_up"|"resume"|"enable"|"stop"|"repair"|"remind"|"end"|"dismiss"} AlertAct */
/** @typedef {"open"|"dismissed"|"ended"} AlertState */

/**
 * An alert. `about`: the id of the campaign, batch, webhook, issuance or experiment, or `consistency`.
 * `level`: greater where it is worse; of a budget or of unused coupons percent. `ended_by`: whose act ended it; null where it ended by itself.
 *
 * @typedef {object} Alert
 * @property {string} id
 * @property {AlertKind} kind
 * @property {string} about
 * @property {string} name
 * @property {number} level
 * @property {number|null} amount
 * @property {number|null} left
 * @property {string|null} currency
 * @property {string|null} reason
 * @property {AlertState} state
 * @property {AlertAct[]} acts
 * @property {string} raised_at
 * @property {string|null} dismissed_by
 * @property {string|null} ended_at
 * @property {string|null} ended_by
 */

/**
 * A page of alerts, newest first. `next` is null on the last page.
 *
 * @typedef {object} Alerts
 * @property {Alert[]} alerts
 * @property {string|null} next
 */

/**
 * One of the alert's `acts`. `amount`: by how much a budget is raised, or the units a batch gets.
 *
 * @typedef {object} AlertActForm
 * @property {AlertAct} act
 * @property {number} [amount]
 */

export {};
