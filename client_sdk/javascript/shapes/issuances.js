// @ts-check
/**
 * Coupons that students get without a tap. Twin of `python/shapes/issuances.py`.
 *
 * @module
 */

/**
 * @typedef {"draft"|"scheduled"|"counting_down"|"running"|"done"|"stopped"|"undone"} IssuanceState
 */

/** @typedef {"api"|"audience"|"import"|"trigger"|"lottery"|"offer"} IssuanceSource */

/**
 * @typedef {"issued"|"held_out"|"blocked"|"stopped"|"not_eligible"|"limit_reached"|"stock_short"|"budget_short"|"duplicate"} ItemOutcome
 */

/**
 * A message to each student who gets a coupon. Without `text` clients show their own words.
 *
 * @typedef {object} NotifyForm
 * @property {string} [text]
 * @property {("in_app"|"webhook"|"email")[]} [channels]
 */

/**
 * An issuance as it is asked for: one of `students`, `audience_id` and `import_id`, and one of `batch_id`
 * and `pack_id`. `repeat`: a rule such as `FREQ=WEEKLY;BYDAY=MO`, counted from `send_at`.
 *
 * @typedef {object} IssuanceForm
 * @property {string} [batch_id]
 * @property {string} [pack_id]
 * @property {string[]} [students]
 * @property {string} [audience_id]
 * @property {string} [import_id]
 * @property {string} reason
 * @property {string} [send_at]
 * @property {string} [repeat]
 * @property {NotifyForm} [notify]
 * @property {number} [hold_out_percent]
 * @property {Record<string, string>} [metadata]
 */

/**
 * A student of an issuance. `outcome` is null until it is decided; a pack gives several `coupon_ids`.
 *
 * @typedef {object} IssuanceItem
 * @property {string} student
 * @property {ItemOutcome|null} outcome
 * @property {string} [coupon_id]
 * @property {string[]} [coupon_ids]
 * @property {string} [decided_at]
 */

/**
 * A page of students, in the order of their ids. `next` is null on the last page.
 *
 * @typedef {object} IssuanceItems
 * @property {IssuanceItem[]} items
 * @property {string|null} next
 */

/**
 * An issuance as it stands. `items`: where at most 20 students were named and it is done. `approval_id`, of one
 * issuance: the approval for which it waits, or waited.
 *
 * @typedef {object} Issuance
 * @property {string} id
 * @property {IssuanceState|"waiting"} state `waiting`: it is a draft until another operator
 *   approves
 * @property {string} [approval_id]
 * @property {string} [batch_id]
 * @property {string} [pack_id]
 * @property {IssuanceSource} source
 * @property {string} [source_id]
 * @property {string} reason
 * @property {number} asked
 * @property {number} issued
 * @property {number} refused
 * @property {number} held_out
 * @property {number} taken_back
 * @property {number} hold_out_percent
 * @property {string} [repeat]
 * @property {string} [parent_id]
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} [due_at]
 * @property {string} [started_at]
 * @property {string} [finished_at]
 * @property {Record<string, string>} metadata
 * @property {IssuanceItem[]} [items]
 */

/**
 * A page of issuances. `next` is null on the last page.
 *
 * @typedef {object} Issuances
 * @property {Issuance[]} issuances
 * @property {string|null} next
 */

export {};
