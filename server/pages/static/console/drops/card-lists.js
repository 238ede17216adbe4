// @ts-check
/**
 * Sorts the drops into the lists ready, live and past. A drop that has just been opened or has just
 * ended keeps its card in its list for some seconds, so that no button moves under a pointer. Pure.
 * Used by the console.
 */

import { isRunning } from "./drop-store.js";

/** @typedef {import("./drop-store.js").ShownDrop} ShownDrop */

const KEPT_MS = 5_000;
const ENDED_SHOWN = 5;

export class CardLists {
  constructor() {
    /** When each drop was first seen outside its list. @type {Map<string, number>} */
    this._left = new Map();
    /** @type {ShownDrop[]} in running order */
    this.ready = [];
    /** @type {ShownDrop[]} the one opened last below: the others stay where they are */
    this.live = [];
    /** @type {ShownDrop[]} */
    this.past = [];
  }

  /** @param {readonly ShownDrop[]} drops newest first @param {number} now local ms */
  sort(drops, now) {
    const ready = new Set(this.ready.map(({ id }) => id));
    const live = new Set(this.live.map(({ id }) => id));
    const inOrder = [...drops].reverse();
    this.ready = inOrder.filter(
      (drop) => drop.state === "prepared" || (ready.has(drop.id) && this._isKept(drop, now)),
    );
    this.live = byOpening(
      inOrder.filter(
        (drop) => isRunning(drop) || (isOver(drop) && live.has(drop.id) && this._isKept(drop, now)),
      ),
    );
    const shown = new Set(this.live.map(({ id }) => id));
    this.past = drops.filter((drop) => isOver(drop) && !shown.has(drop.id)).slice(0, ENDED_SHOWN);
    for (const [key, since] of this._left) if (since + KEPT_MS <= now) this._left.delete(key);
  }

  /** Return whether a card has been kept long enough and has to move. @param {number} now */
  isDue(now) {
    return [...this._left.values()].some((at) => at + KEPT_MS <= now);
  }

  /** @param {ShownDrop} drop @param {number} now */
  _isKept(drop, now) {
    const key = `${drop.id} ${isOver(drop) ? "ended" : "opened"}`;
    const since = this._left.get(key) ?? now;
    this._left.set(key, since);
    if (now - since < KEPT_MS) return true;
    this._left.delete(key);
    return false;
  }
}

/** Return whether the drop has ended, also a draw that was called off. @param {ShownDrop} drop */
const isOver = ({ state }) => state === "closed" || state === "aborted";

/** @param {ShownDrop[]} drops */
function byOpening(drops) {
  const opened = (/** @type {ShownDrop} */ { opens_at, created_at }) =>
    Date.parse(opens_at ?? created_at ?? "") || 0;
  return [...drops].sort((a, b) => opened(a) - opened(b));
}
