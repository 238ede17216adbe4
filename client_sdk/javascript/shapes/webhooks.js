// @ts-check
/**
 * Webhooks: receivers of events, and the calls that were made to them. Twin of
 * `python/shapes/webhooks.py`.
 *
 * @module
 */

/**
 * A receiver to make. `types` absent or empty: all events; `batch`: up to 500 in one call.
 *
 * @typedef {object} WebhookForm
 * @property {string} url
 * @property {string[]|null} [types]
 * @property {boolean} [batch]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * Changes of a webhook. `paused` keeps what comes for up to 30 days, `active` resumes.
 *
 * @typedef {object} WebhookEdit
 * @property {string|null} [url]
 * @property {string[]|null} [types]
 * @property {boolean|null} [batch]
 * @property {"active"|"paused"|null} [state]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * A receiver. `secret` only in the answer that made it; `position`: the last event that is done.
 *
 * @typedef {object} Webhook
 * @property {string} id
 * @property {string} url
 * @property {string[]|null} types
 * @property {boolean} batch
 * @property {"active"|"paused"|"disabled"} state
 * @property {string} [reason]
 * @property {string} [secret]
 * @property {string} [old_secret_until]
 * @property {number} position
 * @property {number} failures
 * @property {string} [failing_since]
 * @property {string} [next_try_at]
 * @property {Record<string, string>} metadata
 * @property {string} created_at
 */

/**
 * A page of webhooks, newest first. `next` is null on the last page.
 *
 * @typedef {object} Webhooks
 * @property {Webhook[]} webhooks
 * @property {string|null} next
 */

/**
 * One call. `status`: of the answer; `error`: null where it was delivered; `answer`: how it began.
 *
 * @typedef {object} Delivery
 * @property {string} id
 * @property {string} at
 * @property {"event"|"replay"|"test"} kind
 * @property {number|null} first_seq
 * @property {number|null} last_seq
 * @property {number} events
 * @property {number} attempt
 * @property {number|null} status
 * @property {string|null} error
 * @property {string|null} answer
 * @property {number} duration_ms
 */

/**
 * A page of calls, newest first. `next` is null on the last page.
 *
 * @typedef {object} Deliveries
 * @property {Delivery[]} deliveries
 * @property {string|null} next
 */

/**
 * The numbers of the events that are sent again, both ends included.
 *
 * @typedef {object} Replay
 * @property {string} id
 * @property {number} from_seq
 * @property {number} to_seq
 */

export {};
