// @ts-check
/**
 * Access: accounts that get nothing for now, tokens that are refused, instructors who are stopped. Twin of
 * `python/shapes/access.py`.
 *
 * @module
 */

/** @typedef {"student"|"person"|"device"|"tag"} BlockKind */

/**
 * The account that gets nothing. `until` absent: until the block is ended.
 *
 * @typedef {object} BlockForm
 * @property {BlockKind} kind
 * @property {string} value
 * @property {string} reason
 * @property {string} [until]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * A block. It is over once it was ended, or at `until`.
 *
 * @typedef {object} Block
 * @property {string} id
 * @property {BlockKind} kind
 * @property {string} value
 * @property {string} reason
 * @property {string|null} until
 * @property {Record<string, string>} metadata
 * @property {string} created_by
 * @property {string} created_at
 * @property {string|null} ended_by
 * @property {string|null} ended_at
 */

/**
 * A page of the blocks in force, newest first. `next` is null on the last page.
 *
 * @typedef {object} Blocks
 * @property {Block[]} blocks
 * @property {string|null} next
 */

/**
 * Exactly one of `jti`, `sub` and `made_before`; the last one revokes the tokens of everybody.
 *
 * @typedef {object} RevocationForm
 * @property {string} [jti]
 * @property {string} [sub]
 * @property {string} [made_before]
 * @property {string} [reason]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * A revocation. Tokens that say to be made from `made_before` on are good. At `until` the last token that it
 * names has expired by itself.
 *
 * @typedef {object} Revocation
 * @property {string} id
 * @property {"jti"|"sub"|"made_before"} kind
 * @property {string|null} jti
 * @property {string|null} sub
 * @property {string|null} made_before
 * @property {string} reason
 * @property {Record<string, string>} metadata
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} until
 */

/**
 * A page of the revocations in force, newest first. `next` is null on the last page.
 *
 * @typedef {object} Revocations
 * @property {Revocation[]} revocations
 * @property {string|null} next
 */

/**
 * The stop of an instructor as it is now. The other fields are those of the last change.
 *
 * @typedef {object} InstructorStop
 * @property {string} instructor
 * @property {boolean} stopped
 * @property {string} reason
 * @property {string} changed_by
 * @property {string|null} changed_at
 */

/**
 * A page of the instructors who are stopped, newest stop first. `next` is null on the last page.
 *
 * @typedef {object} InstructorStops
 * @property {InstructorStop[]} instructors
 * @property {string|null} next
 */

/** @typedef {"student"|"person"|"device"|"campaign"} WatchedKind */

/** @typedef {"watch"|"slow"|"block"} WatchLevel */

/**
 * @typedef {"coupons_per_hour"|"quick_wins"|"unpaid_locks"|"wrong_codes"|"new_accounts"} WatchSignal
 */

/**
 * A count, and the points for it. Of `quick_wins`: `of` all wins, and the share among the others.
 *
 * @typedef {object} WatchReason
 * @property {WatchSignal} signal
 * @property {number} count
 * @property {number} points
 * @property {number} [of]
 * @property {number} [usual_percent]
 */

/**
 * A subject with points. `level` is an advice, by the points as they were at `seen_at`.
 *
 * @typedef {object} Watched
 * @property {string} id
 * @property {WatchedKind} kind
 * @property {string} value
 * @property {number} points
 * @property {WatchLevel} level
 * @property {WatchReason[]} reasons
 * @property {string} first_seen_at
 * @property {string} seen_at
 */

/**
 * A page of subjects with points, newest first. `next` is null on the last page.
 *
 * @typedef {object} WatchList
 * @property {Watched[]} watched
 * @property {string|null} next
 */

export {};
