// @ts-check
/**
 * Messages to students: as the student gets them, and as operators see what became of them. Twin of
 * `python/shapes/messages.py`.
 *
 * @module
 */

/** @typedef {"coupon_issued"|"coupon_expires"|"offer"|"notice"} MessageKind */

/** @typedef {"in_app"|"webhook"|"email"} MessageChannel */

/** @typedef {"queued"|"held"|"sent"|"failed"|"expired"|"cancelled"} MessageState */

/**
 * A message as its frame has it.
 *
 * @typedef {object} RoomMessage
 * @property {string} id
 * @property {string} text
 * @property {MessageKind} [kind]
 * @property {string} [coupon_id]
 * @property {string} [url]
 */

/**
 * A message that the app has shown to the student.
 *
 * @typedef {object} MyMessage
 * @property {string} id
 * @property {string} text
 * @property {MessageKind} kind
 * @property {string} [coupon_id]
 * @property {string} [url]
 * @property {string} sent_at
 */

/**
 * A page of the student's messages, newest first. `next` is null on the last page.
 *
 * @typedef {object} MyMessages
 * @property {MyMessage[]} messages
 * @property {string|null} next
 */

/**
 * A message of one channel. `reason` says why it is held, failed or cancelled. A held one is looked at
 * again at `not_before`.
 *
 * @typedef {object} StudentMessage
 * @property {string} id
 * @property {string} student
 * @property {MessageKind} kind
 * @property {MessageChannel} channel
 * @property {MessageState} state
 * @property {string} [reason]
 * @property {string} [text]
 * @property {Record<string, unknown>} data
 * @property {string} [coupon_id]
 * @property {string} [cause]
 * @property {boolean} transactional
 * @property {number} attempts
 * @property {string} created_at
 * @property {string} not_before
 * @property {string} expires_at
 * @property {string} [sent_at]
 */

/**
 * A page of messages, newest first. `counts`: how many are in each state, in a list of one `cause`.
 *
 * @typedef {object} StudentMessages
 * @property {StudentMessage[]} messages
 * @property {Record<MessageState, number>} [counts]
 * @property {string|null} next
 */

export {};
