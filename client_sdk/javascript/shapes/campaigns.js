// @ts-check
/**
 * Campaigns: why coupons go out, when, and for how much. Twin of `python/shapes/campaigns.py`.
 *
 * @module
 */

/** @import {Stop} from "./stops.js" */

/**
 * `amount` in minor units of `currency`.
 *
 * @typedef {object} Money
 * @property {number} amount
 * @property {string} currency
 */

/**
 * The most that a campaign may cost, and the most coupons that it may give.
 *
 * @typedef {object} BudgetForm
 * @property {Money} [money]
 * @property {number} [pieces]
 */

/**
 * @typedef {object} Phase
 * @property {string} name
 * @property {string} from
 * @property {string} until
 */

/**
 * The body that creates a campaign.
 * `per_student` limits the claims of one student over all its batches.
 *
 * @typedef {object} CampaignForm
 * @property {string} name
 * @property {string} purpose
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {BudgetForm} [budget]
 * @property {Phase[]} [phases]
 * @property {number} [per_student]
 * @property {Record<string, string>} [metadata]
 */

/**
 * A change of a campaign.
 * `budget` is written as a whole. Null takes all phases away; the budget or the limit only as long
 * as the campaign has no batch.
 *
 * @typedef {object} CampaignEdit
 * @property {string} [name]
 * @property {string} [purpose]
 * @property {string} [starts_at]
 * @property {string} [ends_at]
 * @property {BudgetForm|null} [budget]
 * @property {Phase[]|null} [phases]
 * @property {number|null} [per_student]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * The time `at` which `level` percent of the budget was taken for the first time.
 *
 * @typedef {object} BudgetWarning
 * @property {number} level
 * @property {string} at
 */

/**
 * amount = free + exposed + settled.
 * `exposed`: coupons that are out and not used, each at its greatest discount. `settled`: what
 * was really taken off.
 *
 * @typedef {object} BudgetParts
 * @property {number} amount
 * @property {string} [currency]
 * @property {number} free
 * @property {number} exposed
 * @property {number} settled
 * @property {BudgetWarning[]} warnings
 */

/**
 * The budget in money, in coupons (`pieces`), or in both.
 *
 * @typedef {object} Budget
 * @property {BudgetParts} [money]
 * @property {BudgetParts} [pieces]
 */

/**
 * A campaign. `phase` is the name of the current phase; `stopped` is absent while nothing is
 * stopped.
 *
 * @typedef {object} Campaign
 * @property {string} id
 * @property {number} version
 * @property {string} name
 * @property {string} purpose
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {Budget} [budget]
 * @property {Phase[]} phases
 * @property {string} [phase]
 * @property {number} [per_student]
 * @property {Stop} [stopped]
 * @property {Record<string, string>} metadata
 * @property {string} created_by
 * @property {string} created_at
 */

/**
 * A page of campaigns. `next` is null on the last page.
 *
 * @typedef {object} Campaigns
 * @property {Campaign[]} campaigns
 * @property {string|null} next
 */

export {};
