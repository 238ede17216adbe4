// @ts-check
/**
 * Acts: what operators and teachers did. Twin of `python/shapes/acts.py`.
 *
 * @module
 */

/**
 * @typedef {"template.made"|"template.replaced"|"batch.made"|"batch.changed"|"batch.stopped"
 *   |"batch.resumed"|"campaign.made"|"campaign.stopped"|"campaign.resumed"|"all.stopped"
 *   |"all.resumed"|"codes.made"|"codes.voided"|"drop.made"|"drop.opened"|"drop.topped_up"
 *   |"drop.extended"|"drop.closed"|"order.refunded"} Action
 */

/**
 * The `action` of `actor` on the thing with the id `subject`.
 *
 * @typedef {object} Act
 * @property {string} id
 * @property {string} at
 * @property {string} actor
 * @property {Action} action
 * @property {string} subject
 * @property {Record<string, unknown>} detail
 */

/**
 * A page of acts, newest first. `next` is null on the last page.
 *
 * @typedef {object} Acts
 * @property {Act[]} acts
 * @property {string|null} next
 */

export {};
