// @ts-check
/**
 * In which order cards stand: what can be claimed, what opens soon, what is mine, then the rest, one line
 * each; the newest first among equals. Used by `<classdrop-room>`. Pure.
 */

import { phaseOf } from "./card-view.js";

/** @typedef {import("../shapes.js").Drop} Drop */
/** @typedef {import("../shapes.js").Claim} Claim */

export const CLAIMABLE = 0;
/** From this place on a card is one line. */
const REST = 3;

/** @type {Partial<Record<import("./card-view.js").Phase, number>>} */
const PLACES = {
  open: CLAIMABLE,
  again: CLAIMABLE,
  claiming: CLAIMABLE,
  scheduled: 1,
  locked: 2,
  won: 2,
  confirmed: 2,
  entered: 2,
  drawing: 2,
};

/** @param {Drop} drop @param {Claim|undefined} claim */
export function placeOf(drop, claim) {
  return PLACES[phaseOf(drop, claim)] ?? REST;
}

/** @param {Drop} drop @param {Claim|undefined} claim */
export function isLine(drop, claim) {
  return placeOf(drop, claim) === REST;
}

/**
 * @param {Drop[]} drops in the order they were told
 * @param {Record<string, Claim>} claims by drop
 */
export function inOrder(drops, claims) {
  const place = new Map(drops.map((drop) => [drop, placeOf(drop, claims[drop.id])]));
  return [...drops].reverse().sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
}

/**
 * The order while somebody's finger is on the page: as it was, what is new at the end.
 * @template T
 * @param {T[]} wanted
 * @param {T[]} shown
 */
export function held(wanted, shown) {
  const known = shown.filter((each) => wanted.includes(each));
  return [...known, ...wanted.filter((each) => !known.includes(each))];
}
