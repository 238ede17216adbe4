// @ts-check
/**
 * Acts: what operators and teachers did. Twin of `python/shapes/acts.py`.
 *
 * @module
 */

/**
 * @typedef {"template.made"|"template.replaced"|"batch.made"|"batch.changed"|"batch.stopped"
 *   |"batch.resumed"|"batch.ended"|"campaign.made"|"campaign.changed"|"campaign.stopped"|"campaign.resumed"|"all.stopped"
 *   |"all.resumed"|"price_rule.made"|"price_rule.ended"|"price_rule.overridden"
 *   |"approval.asked"|"approval.given"|"approval.refused"|"approval.withdrawn"|"approval.expired"
 *   |"codes.made"|"codes.voided"|"coupon.voided"|"link.made"|"link.changed"
 *   |"drop.made"|"drop.opened"|"drop.topped_up"
 *   |"issuance.made"|"issuance.stopped"|"issuance.undone"|"drop.extended"|"drop.closed"|"draw.aborted"
 *   |"drop.edited"|"drop.removed"|"drop.reopened"|"drop.fired"|"running_order.written"
 *   |"running_order.held"|"running_order.resumed"|"class.started"
 *   |"import.made"|"pack.made"|"experiment.started"|"experiment.ended"|"offer.made"|"offer.withdrawn"|"lottery.made"|"lottery.changed"|"order.refunded"|"student.exported"|"student.erased"
 *   |"block.made"|"block.ended"|"student.merged"|"tokens.revoked"
 *   |"instructor.stopped"|"instructor.resumed"|"audience.made"|"audience.replaced"|"webhook.made"
 *   |"webhook.changed"|"webhook.rotated"|"webhook.replayed"|"webhook.removed"|"webhook.disabled"
 *   |"budget.raised"|"alert.acted"|"alert.dismissed"|"consistency.repaired"
 *   |"trigger.made"|"trigger.changed"|"trigger.activated"|"trigger.paused"} Action
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
