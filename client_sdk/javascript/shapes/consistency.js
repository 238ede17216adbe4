// @ts-check
/**
 * Consistency: what a look for faults has found. Twin of `python/shapes/consistency.py`.
 *
 * @module
 */

/** @import { Job, JobKind } from "./jobs.js" */

/**
 * @typedef {"weak_redis"|"fence_shut"|"outbox_waits"|"intent_left_behind"|"dead_letter"
 *   |"unrecorded_win"|"unknown_holder"|"forgotten_claim"|"never_confirmed"|"held_though_gone"
 *   |"another_unit"|"slot_not_counted"|"holder_not_counted"|"desk_differs"|"unknown_drop"
 *   |"books_do_not_add_up"|"claims_beyond_stock"|"claim_without_coupon"|"coupon_without_claim"
 *   |"batch_counter"|"budget_differs"|"erased_student_back"|"erasures_untold"
 *   |"issuance_differs"|"trigger_differs"|"lottery_differs"|"statement_differs"|"seal_differs"
 *   |"events_unnumbered"|"events_missing"|"reader_ahead"} FindingKind
 */

/**
 * `repair`: mend what can be mended without that anybody loses something; needs a `reason`.
 *
 * @typedef {object} ExamineForm
 * @property {boolean} [repair]
 * @property {string} [reason]
 */

/**
 * A fault: `what` in words, `todo` what mends it, `can_repair` whether a repair does. The other fields name
 * what it is about.
 *
 * @typedef {object} Finding
 * @property {FindingKind} kind
 * @property {string} what
 * @property {string} todo
 * @property {boolean} can_repair
 * @property {string} [drop]
 * @property {string} [room]
 * @property {string} [student]
 * @property {number} [unit]
 * @property {string} [claim]
 * @property {string} [coupon]
 * @property {string} [batch]
 * @property {number} [shard]
 * @property {string} [at]
 * @property {string} [campaign]
 * @property {string} [issuance]
 * @property {string} [trigger]
 * @property {string} [lottery]
 * @property {string} [order]
 * @property {string} [day]
 */

/**
 * `done` false: nothing was changed, and `what` says why.
 *
 * @typedef {object} TriedRepair
 * @property {string} what
 * @property {boolean} done
 */

/**
 * The numbers of drops and batches that were compared.
 *
 * @typedef {object} LookedAt
 * @property {number} drops
 * @property {number} open_drops
 * @property {number} batches
 */

/**
 * `findings`: what was wrong after the `repairs`, the first 20 of a kind; `counts` has all, by kind.
 *
 * @typedef {object} Examination
 * @property {string} job_id
 * @property {JobKind} kind
 * @property {string} asked_by
 * @property {string} reason
 * @property {string} done_at
 * @property {boolean} ok
 * @property {LookedAt} looked_at
 * @property {Finding[]} findings
 * @property {Record<string, number>} counts
 * @property {TriedRepair[]} repairs
 * @property {number} repairs_total
 */

/**
 * `job`: the newest, without its report. `latest`: the result of the newest that is done.
 *
 * @typedef {object} Consistency
 * @property {Job|null} job
 * @property {Examination|null} latest
 */

export {};
