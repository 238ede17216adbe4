// @ts-check
/**
 * Packs: several coupons that a student gets together, all of them or none; or one by who they are. Twin
 * of `python/shapes/packs.py`.
 *
 * @module
 */

/** @import {Rule} from "./audiences.js" */

/**
 * `count` coupons of a batch, one where it is left out.
 *
 * @typedef {object} PackItemForm
 * @property {string} batch_id
 * @property {number} [count]
 */

/**
 * For whoever fulfils `if`, or is in the audience; for everybody without either.
 *
 * @typedef {object} PackVariantForm
 * @property {Rule|null} [if]
 * @property {string|null} [audience_id]
 * @property {string} batch_id
 */

/**
 * Either `items`, at most 20 coupons together, or `variants`: a student gets the first they fulfil.
 *
 * @typedef {object} PackForm
 * @property {string} name
 * @property {PackItemForm[]|null} [items]
 * @property {PackVariantForm[]|null} [variants]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * `count` coupons of a batch.
 *
 * @typedef {object} PackItem
 * @property {string} batch_id
 * @property {number} count
 */

/**
 * @typedef {object} PackVariant
 * @property {Rule} [if]
 * @property {string} [audience_id]
 * @property {string} batch_id
 */

/**
 * `matching` students fulfil it; of `chosen` of them it is the first.
 *
 * @typedef {object} VariantPreview
 * @property {string} batch_id
 * @property {number} matching
 * @property {number} chosen
 */

/**
 * Students that Classdrop knows: `overlapping` of them fulfil several conditions, `without` none.
 *
 * @typedef {object} PackPreview
 * @property {VariantPreview[]} variants
 * @property {number} overlapping
 * @property {number} without
 */

/**
 * A pack. It is never changed. `items` or `variants` are empty.
 *
 * @typedef {object} Pack
 * @property {string} id
 * @property {string} name
 * @property {PackItem[]} items
 * @property {PackVariant[]} variants
 * @property {string} created_by
 * @property {string} created_at
 * @property {Record<string, string>} metadata
 */

/**
 * A page of packs, newest first. `next` is null on the last page.
 *
 * @typedef {object} Packs
 * @property {Pack[]} packs
 * @property {string|null} next
 */

export {};
