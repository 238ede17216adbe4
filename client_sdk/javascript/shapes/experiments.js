// @ts-check
/**
 * Experiments: batches side by side, each for a share. Twin of `python/shapes/experiments.py`.
 *
 * @module
 */

/** @typedef {"running"|"ended"} ExperimentState */
/** @typedef {"claimed"|"used"|"bought"|"revenue"} ExperimentMeasure */

/**
 * A batch, and its share in percent.
 * @typedef {object} ExperimentVariant
 * @property {string} batch_id
 * @property {number} share
 */

/**
 * Shares add up to 100, or to 100 with `hold_out`, the percentage of students who get nothing.
 * @typedef {object} ExperimentForm
 * @property {string} name
 * @property {ExperimentVariant[]} variants
 * @property {number} [hold_out]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * An experiment, as in a list.
 * @typedef {object} Experiment
 * @property {string} id
 * @property {string} name
 * @property {ExperimentState} state
 * @property {ExperimentVariant[]} variants
 * @property {number} hold_out
 * @property {string} currency
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} [ended_at]
 * @property {Record<string, string>} metadata
 */

/**
 * For each exposed student: proportions, and money in minor units.
 * @typedef {object} ExperimentPerStudent
 * @property {number} claimed
 * @property {number} used
 * @property {number} bought
 * @property {number} revenue
 * @property {number} cost
 */

/**
 * What a group did. `batch_id` null: those who are held out.
 * @typedef {object} ExperimentGroup
 * @property {string|null} batch_id
 * @property {number} exposed
 * @property {number} claimed
 * @property {number} used
 * @property {number} bought
 * @property {number} orders
 * @property {number} revenue
 * @property {number} cost
 * @property {ExperimentPerStudent|null} per_student
 */

/**
 * How a group differs from the base, and the bounds of the true difference, good at all looks together.
 * Null while a group has fewer than 100 students.
 * @typedef {object} ExperimentInterval
 * @property {string} batch_id
 * @property {string|null} base_batch_id
 * @property {ExperimentMeasure} measure
 * @property {number|null} difference
 * @property {number|null} low
 * @property {number|null} high
 * @property {boolean} sure
 */

/**
 * The groups are not of the sizes that they should be: do not trust the figures.
 * @typedef {object} SplitAlarm
 * @property {number} p_value
 * @property {number[]} exposed
 * @property {number[]} expected
 */

/**
 * An experiment with its result as of now. `figures`: by variant, the hold-out last.
 * @typedef {object} ExperimentResult
 * @property {string} id
 * @property {string} name
 * @property {ExperimentState} state
 * @property {ExperimentVariant[]} variants
 * @property {number} hold_out
 * @property {string} currency
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} [ended_at]
 * @property {Record<string, string>} metadata
 * @property {ExperimentGroup[]} figures
 * @property {ExperimentInterval[]} interval
 * @property {SplitAlarm|null} alarm
 */

/**
 * A page of experiments, newest first. `next` is null on the last page.
 * @typedef {object} Experiments
 * @property {Experiment[]} experiments
 * @property {string|null} next
 */

export {};
