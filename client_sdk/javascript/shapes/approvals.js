// @ts-check
/**
 * Approvals: what an operator may do only after another one has agreed. Twin of `python/shapes/approvals.py`.
 *
 * @module
 */

/** @typedef {"waiting"|"approved"|"rejected"|"withdrawn"|"expired"} ApprovalState */

/**
 * A request that waits for a second operator, or did. `about`: its id. `over`: the limits that it is over, of
 * `students` and `amount`. `students` null: nobody knows yet how many; `amount` null: nothing bounds it.
 * `expires_at`: until when it waits; null: for ever, or it waits no more.
 *
 * @typedef {object} Approval
 * @property {string} id
 * @property {"issuance"} kind
 * @property {ApprovalState} state
 * @property {string} about
 * @property {string} [batch_id]
 * @property {string} [pack_id]
 * @property {string} reason
 * @property {string[]} over
 * @property {number|null} students
 * @property {number|null} amount
 * @property {string} currency
 * @property {string} asked_by
 * @property {string} asked_at
 * @property {string|null} decided_by
 * @property {string|null} decided_at
 * @property {string} note
 * @property {string|null} expires_at
 */

/**
 * The most that one operator may send alone. Null: anything.
 *
 * @typedef {object} SendLimits
 * @property {number|null} students
 * @property {number|null} amount
 */

/**
 * A page of approvals. `next` is null on the last page.
 *
 * @typedef {object} Approvals
 * @property {Approval[]} approvals
 * @property {SendLimits} limits
 * @property {string|null} next
 */

export {};
