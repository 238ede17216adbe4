// @ts-check
/**
 * Jobs: work that goes on after the request. Twin of `python/shapes/jobs.py`.
 *
 * @module
 */

/** @typedef {"export"|"erase"|"merge"|"check"|"repair"} JobKind */

/** @typedef {"queued"|"running"|"done"|"failed"} JobState */

/**
 * A job. `progress` is a percentage, `report` says what was done. `result_url` leads to the file that it
 * made, until `result_until`. `error` is the code of what made it fail.
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {JobKind} kind
 * @property {JobState} state
 * @property {string} subject
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} [done_at]
 * @property {number} [progress]
 * @property {Record<string, unknown>} [report]
 * @property {string} [result_url]
 * @property {string} [result_until]
 * @property {string} [error]
 */

export {};
