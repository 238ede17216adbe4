// @ts-check
/**
 * The order of the cards: those that can be claimed, those that open soon, the student's own, then the rest with
 * one line each; within each group the newest first. `<classdrop-room>` calls it. Pure.
 */

import { phaseOf } from "./card-view.js";

/** @typedef {import("../shapes.js").Drop} Drop */
/** @typedef {import("../shapes.js").Claim} Claim */

export const CLAIMABLE = 0;
/** Cards from this position on have one line. */
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
 * The order while the reader touches the page: unchanged, with new cards at the end.
 * @template T
 * @param {T[]} wanted
 * @param {T[]} shown
 */
export function held(wanted, shown) {
  const known = shown.filter((each) => wanted.includes(each));
  return [...known, ...wanted.filter((each) => !known.includes(each))];
}
