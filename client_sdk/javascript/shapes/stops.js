// @ts-check
/**
 * The switch that stops claims, use or both: of a campaign, of a batch or of everything. Twin of
 * `python/shapes/stops.py`.
 *
 * @module
 */

/**
 * The parts that are stopped now. `reason`, `changed_by` and `changed_at` belong to the last change.
 *
 * @typedef {object} Stop
 * @property {boolean} claims
 * @property {boolean} use
 * @property {string} reason
 * @property {string} changed_by
 * @property {string} changed_at
 */

/**
 * The switch, or both, to stop or to resume. An absent field stays as it is.
 *
 * @typedef {object} StopForm
 * @property {boolean} [claims]
 * @property {boolean} [use]
 * @property {string} [reason]
 */

export {};
