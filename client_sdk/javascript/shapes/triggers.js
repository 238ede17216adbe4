// @ts-check
/**
 * Triggers: coupons that students get when something happens. Twin of `python/shapes/triggers.py`.
 *
 * @module
 */

/** @import { Rule } from "./audiences.js" */

/** @typedef {"draft"|"active"|"paused"|"ended"} TriggerState */

/**
 * The type of a student event, `redemption.redeemed` or `redemption.refunded`, and conditions on it.
 *
 * @typedef {object} When
 * @property {string} event
 * @property {Rule} [conditions]
 */

/**
 * The batch or the pack of which the student gets a coupon. One of the two is set.
 *
 * @typedef {object} Then
 * @property {string} [batch_id]
 * @property {string} [pack_id]
 */

/**
 * The most that a trigger fires: for each student, on each of the school's days, ever.
 *
 * @typedef {object} TriggerLimits
 * @property {number} per_student
 * @property {number} [per_day]
 * @property {number} [total]
 */

/**
 * @typedef {object} TriggerWindowForm
 * @property {string} [from]
 * @property {string} [until]
 */

/**
 * @typedef {object} TriggerWindow
 * @property {string} [from]
 * @property {string} [until]
 */

/**
 * A trigger to create. It is a draft until it is activated. Events that are older than
 * `ignore_older_than_seconds` when they come do not fire it: 48 hours.
 *
 * @typedef {object} TriggerForm
 * @property {string} name
 * @property {When} when
 * @property {Then} then
 * @property {TriggerLimits} limits
 * @property {TriggerWindowForm} [window]
 * @property {number} [ignore_older_than_seconds]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * The fields of a trigger to change, each as a whole.
 *
 * @typedef {object} TriggerEdit
 * @property {string} [name]
 * @property {When} [when]
 * @property {Then} [then]
 * @property {TriggerLimits} [limits]
 * @property {TriggerWindowForm} [window]
 * @property {number} [ignore_older_than_seconds]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * A trigger. `fired`: how often it has.
 *
 * @typedef {object} Trigger
 * @property {string} id
 * @property {number} version
 * @property {TriggerState} state
 * @property {string} name
 * @property {When} when
 * @property {Then} then
 * @property {TriggerLimits} limits
 * @property {TriggerWindow} [window]
 * @property {number} ignore_older_than_seconds
 * @property {Record<string, string>} metadata
 * @property {number} fired
 * @property {string} created_at
 */

/**
 * A page of triggers. `next` is null on the last page.
 *
 * @typedef {object} Triggers
 * @property {Trigger[]} triggers
 * @property {string|null} next
 */

/**
 * The last days as a trigger would have seen them. `events` of its type, `fulfilled` of them, `issued`
 * within its limits, to so many `students`, of whom `sample` names at most 20. `complete` false: there was
 * no time for the rest.
 *
 * @typedef {object} TriggerDryRun
 * @property {number} days
 * @property {number} events
 * @property {number} fulfilled
 * @property {number} issued
 * @property {number} students
 * @property {string[]} sample
 * @property {boolean} complete
 */

export {};
