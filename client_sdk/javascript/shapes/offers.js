// @ts-check
/**
 * Offers: a coupon that a teacher keeps for one student, to accept or decline. Twin of
 * `python/shapes/offers.py`.
 *
 * @module
 */

/** @import {Template} from "./templates.js" */

/** @typedef {"offered"|"seen"|"accepted"|"declined"|"expired"|"withdrawn"} OfferState */

/**
 * To whom: `students`, 50 at most, or those who are in the room and have the `tag`. `course`: what it is
 * meant for, shown with it. `metadata`: for the school, of each of the offers.
 *
 * @typedef {object} OfferForm
 * @property {string} batch_id
 * @property {string[]|null} [students]
 * @property {string|null} [tag]
 * @property {string|null} [course]
 * @property {string|null} [message]
 * @property {Record<string, string>|null} [metadata]
 * @property {number} expires_in_seconds
 */

/**
 * The coupon of an accepted offer.
 *
 * @typedef {object} OfferCoupon
 * @property {string} id
 * @property {string} code
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} use_by
 */

/**
 * `offered` and `seen` are open. `template`: what the coupon is worth. `coupon`: once it is accepted, to its
 * student. `metadata`: to the school, never to its student.
 *
 * @typedef {object} Offer
 * @property {string} id
 * @property {string} room
 * @property {string} batch_id
 * @property {string} student
 * @property {OfferState} state
 * @property {string} [course]
 * @property {string} message
 * @property {string} expires_at
 * @property {string} created_at
 * @property {string} [ended_at]
 * @property {string} [coupon_id]
 * @property {Template} template
 * @property {OfferCoupon} [coupon]
 * @property {Record<string, string>} [metadata]
 */

/**
 * An offer as its frame has it.
 *
 * @typedef {object} OpenOffer
 * @property {string} id
 * @property {string} room
 * @property {string} batch_id
 * @property {string} student
 * @property {OfferState} state
 * @property {string} [course]
 * @property {string} message
 * @property {string} expires_at
 * @property {string} created_at
 * @property {Template} template
 */

/**
 * A student who can have no offer: `limit_reached`, `not_eligible` or `blocked`.
 *
 * @typedef {object} RefusedOffer
 * @property {string} student
 * @property {string} code
 */

/** @typedef {{offers: Offer[], refused: RefusedOffer[]}} OffersMade */
/** @typedef {{offers: Offer[], next: string|null}} Offers */
/**
 * A place where a coupon can be got now: a drop that is open in `room`, or a link. `link`: its name for
 * `/c/{link}` and for claims. `task`: the kind of what is to be done first.
 *
 * @typedef {object} Way
 * @property {"drop"|"link"} kind
 * @property {string} drop_id
 * @property {string} [room]
 * @property {string} [link]
 * @property {string} message
 * @property {string} opens_at
 * @property {string} closes_at
 * @property {number} remaining
 * @property {string} [task]
 * @property {Template} template
 */

/**
 * The offers that are open for a student. `elsewhere`: where they could get another coupon now.
 *
 * @typedef {object} MyOffers
 * @property {Offer[]} offers
 * @property {Way[]} elsewhere
 */

/**
 * A coupon that a student could get, and what it saves on an order beside the selected ones.
 * `spend_more`, `pieces_more`: what is to be bought first; 0: it saves that now. `offer_id` with the kind
 * `offer`, else `drop_id`; `room` or `link`: where it can be got.
 *
 * @typedef {object} Prompt
 * @property {"offer"|"drop"|"link"} kind
 * @property {string} name
 * @property {string} [offer_id]
 * @property {string} [drop_id]
 * @property {string} [room]
 * @property {string} [link]
 * @property {number} spend_more
 * @property {number} [pieces_more]
 * @property {number} save_more
 * @property {number} [worth]
 */

/** @typedef {{prompts: Prompt[]}} Prompts */

/**
 * A student who is in the room; `name` and `tags` as their token has them.
 *
 * @typedef {object} RoomStudent
 * @property {string} id
 * @property {string} [name]
 * @property {string[]} tags
 */

/**
 * A page of who is in a room. `present`: all who are there; `found`: those that the search finds.
 *
 * @typedef {object} RoomStudents
 * @property {RoomStudent[]} students
 * @property {string|null} next
 * @property {number} found
 * @property {number} present
 */

export {};
