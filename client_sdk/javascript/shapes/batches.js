// @ts-check
/**
 * Batches: how many coupons of a template go out, through which channel and to whom. Twin of
 * `python/shapes/batches.py`.
 *
 * @module
 */

/** @import {Stop} from "./stops.js" */
/** @import {Discount} from "./templates.js" */

/**
 * @typedef {object} Window
 * @property {string} from
 * @property {string} until
 */

/**
 * A room that may use the batch, and the most it may take; without `quantity` there is no
 * limit.
 *
 * @typedef {object} RoomQuotaForm
 * @property {string} room
 * @property {number} [quantity]
 */

/**
 * A room's part of the batch. `quantity` and `remaining` are null where the room has no limit.
 *
 * @typedef {object} RoomQuota
 * @property {string} room
 * @property {number|null} quantity
 * @property {number|null} remaining
 */

/**
 * The accounts that may claim: those with one of the tags, or new ones.
 *
 * @typedef {object} ClaimConditionsForm
 * @property {string[]} [tags]
 * @property {boolean} [new]
 */

/**
 * The accounts that may claim: those with one of the tags, or new ones.
 *
 * @typedef {object} ClaimConditions
 * @property {string[]} [tags]
 * @property {boolean} new
 */

/**
 * The body that creates a batch. `quantity` null: unlimited, and not for drops. Without `rooms`
 * every room may use it. `per_person` and `per_device` count the claims of all accounts whose
 * tokens have the same `person` or `device`; absent: `per_person` is `per_student`, and a device
 * has no limit.
 *
 * @typedef {object} BatchForm
 * @property {string} template_id
 * @property {string} name
 * @property {number|null} quantity
 * @property {string} channel
 * @property {number} per_student
 * @property {number} [per_person]
 * @property {number} [per_device]
 * @property {string} [code_prefix]
 * @property {number} [hold_seconds]
 * @property {string} [campaign_id]
 * @property {RoomQuotaForm[]} [rooms]
 * @property {Window} [claim_window]
 * @property {ClaimConditionsForm} [claim_conditions]
 * @property {number} [max_per_minute]
 * @property {number[]} [remind_before]
 * @property {Record<string, string>} [metadata]
 * @property {PriceOverride} [override]
 */

/**
 * Why a batch or a drop is made although it breaks a price rule; of an operator.
 *
 * @typedef {object} PriceOverride
 * @property {string} reason
 */

/**
 * The part of a template that a teacher needs to drop its coupons.
 *
 * @typedef {object} TemplateSummary
 * @property {string} name
 * @property {string} currency
 * @property {Discount} discount
 */

/**
 * The body that ends a batch for good. `use`: true stops the use of its coupons too.
 *
 * @typedef {object} BatchEndForm
 * @property {string} reason
 * @property {boolean} [use]
 */

/**
 * The end of a batch for good.
 *
 * @typedef {object} BatchEnd
 * @property {string} at
 * @property {string} by
 * @property {string} reason
 */

/**
 * A batch. `droppable` is the most that the caller could put into one drop now. `remaining` is
 * null where `quantity` is null. `may_invite`: its channel allows tasks to invite. `ended`: no coupon of it is
 * given any more.
 *
 * @typedef {object} Batch
 * @property {string} id
 * @property {string} template_id
 * @property {number} template_version
 * @property {TemplateSummary} template
 * @property {string} name
 * @property {number|null} quantity
 * @property {number|null} remaining
 * @property {number} droppable
 * @property {string} channel
 * @property {boolean} may_invite
 * @property {number} per_student
 * @property {number} per_person
 * @property {number} [per_device]
 * @property {string} code_prefix
 * @property {number} [hold_seconds]
 * @property {string} [campaign_id]
 * @property {RoomQuota[]} [rooms]
 * @property {Window} [claim_window]
 * @property {ClaimConditions} [claim_conditions]
 * @property {number} [max_per_minute]
 * @property {number[]} [remind_before]
 * @property {Stop} [stopped]
 * @property {BatchEnd} [ended]
 * @property {Record<string, string>} metadata
 * @property {string} created_at
 * @property {number} version
 */

/**
 * A page of batches. `next` is null on the last page.
 *
 * @typedef {object} Batches
 * @property {Batch[]} batches
 * @property {string|null} next
 */

/**
 * The fields to change; null clears one. Once coupons are made of the batch, only these may
 * change: `name`, `metadata`, a later end of `claim_window`, and a larger `quantity` together
 * with `expected_quantity`, the quantity that the caller saw.
 *
 * @typedef {object} BatchEdit
 * @property {string} [template_id]
 * @property {string} [name]
 * @property {number|null} [quantity]
 * @property {string} [channel]
 * @property {number} [per_student]
 * @property {number|null} [per_person]
 * @property {number|null} [per_device]
 * @property {string|null} [code_prefix]
 * @property {number|null} [hold_seconds]
 * @property {string|null} [campaign_id]
 * @property {RoomQuotaForm[]|null} [rooms]
 * @property {Window|null} [claim_window]
 * @property {number|null} [max_per_minute]
 * @property {number[]|null} [remind_before]
 * @property {Record<string, string>|null} [metadata]
 * @property {number} [expected_quantity]
 * @property {PriceOverride} [override]
 */

export {};
