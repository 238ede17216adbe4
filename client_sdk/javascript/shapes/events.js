// @ts-check
/**
 * Events: what has happened, in the order of their numbers. Twin of `python/shapes/events.py`.
 *
 * @module
 */

/**
 * `type` is one of PROTOCOL.md's table of events; a later server may know more. `seq` is 1, 2, 3, …;
 * `subject` the id of what the event is about.
 *
 * @typedef {object} Event
 * @property {number} seq
 * @property {string} id
 * @property {string} type
 * @property {string} at
 * @property {string} subject
 * @property {Record<string, unknown>} data
 */

/**
 * A page of events, oldest first. `next`: the `after` of the next call, never null.
 *
 * @typedef {object} Events
 * @property {Event[]} events
 * @property {number} next
 */

export {};
