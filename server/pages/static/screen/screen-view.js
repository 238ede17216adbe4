// @ts-check
/**
 * What the projector shows of a room: which drop stands in the middle, and its words. Pure: time and
 * language are arguments. Imported by screen.js; must not know the document.
 */

import { countdown } from "/sdk/element/value.js";

/** @typedef {import("/sdk/shapes.js").Drop} Drop */
/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {{state: string, clock: string, isHurried: boolean, stock: string, part: number|null}} Numbers */

/** The last seconds are shown in another colour. */
const HURRIED_MS = 10_000;
/** The drop in the middle is of the first of these states that any has; the newest of them. */
const PLACES = ["open", "scheduled", "drawing", "sold_out", "closed", "aborted"];

/**
 * Return the drops, the one for the middle first.
 * @param {readonly Drop[]} drops in the order in which they came
 * @returns {Drop[]}
 */
export function inOrder(drops) {
  const place = (/** @type {Drop} */ { state }) => PLACES.indexOf(state);
  return [...drops].reverse().sort((a, b) => place(a) - place(b));
}

/**
 * @param {Drop} drop @param {number} now the server's time in ms
 * @param {Pick<Language, "say">} language
 * @returns {Numbers}
 */
export function numbersOf(drop, now, language) {
  const { left, label } = clockOf(drop, now);
  return {
    state: language.say(`screen_${label}`, drawn(drop)),
    clock: left === null ? "" : countdown(left),
    isHurried: left !== null && left <= HURRIED_MS && drop.state === "open",
    stock: stockOf(drop, language),
    part: isDraw(drop) ? null : Math.max(0, drop.remaining) / Math.max(1, drop.quantity),
  };
}

/** @param {Drop} drop */
const isDraw = (drop) => drop.mode === "draw";

/** @param {Drop} drop @param {number} now @returns {{left: number|null, label: string}} ms */
function clockOf(drop, now) {
  if (drop.state === "scheduled") {
    const label = isDraw(drop) ? "draw_opens_in" : "opens_in";
    return { left: Date.parse(drop.opens_at) - now, label };
  }
  if (drop.state === "open")
    return drop.closes_at === null
      ? { left: null, label: "no_end" }
      : { left: Date.parse(drop.closes_at) - now, label: "closes_in" };
  return { left: null, label: overLabel(drop) };
}

/** @param {Drop} drop */
function overLabel({ state, draw }) {
  if (state === "drawing" || state === "closed") {
    if (draw?.winners !== undefined) return "drawn";
    if (draw?.entries !== undefined && state === "drawing") return "sealed";
  }
  return state;
}

/** @param {Drop} drop @returns {Record<string, number>} */
function drawn({ draw }) {
  return { n: draw?.entries ?? 0, winners: draw?.winners ?? 0 };
}

/** @param {Drop} drop @param {Pick<Language, "say">} language */
function stockOf(drop, language) {
  if (isDraw(drop)) return language.say("screen_to_draw", { n: drop.quantity });
  return language.say("screen_left_of", { n: Math.max(0, drop.remaining), all: drop.quantity });
}
