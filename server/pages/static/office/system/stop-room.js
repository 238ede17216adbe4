// @ts-check
/** Closes all that is open or about to open in a room, by the calls that a teacher's console makes. */

/** @import { DropReport } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

const LIVE = new Set(["opening", "scheduled", "open", "sold_out"]);

/** Pure. @param {readonly Pick<DropReport, "id"|"state">[]} drops @returns {string[]} the ids of those that can be closed */
export const closable = (drops) => drops.filter(({ state }) => LIVE.has(state)).map(({ id }) => id);

/**
 * Hold the room's running order, so that no drop opens by itself, then close its drops. Return how many. May be
 * pressed again: what is closed stays closed. The log of acts keeps the reason beside each.
 *
 * @param {Host} host @param {string} room @param {string} reason @returns {Promise<number>}
 */
export async function stopRoom({ api }, room, reason) {
  await api.holdRunningOrder(room, reason);
  const ids = [];
  /** @type {string|undefined} */
  let after;
  do {
    const { drops, next } = await api.listDrops(room, { limit: 200, after });
    ids.push(...closable(drops));
    after = next ?? undefined;
  } while (after);
  for (const id of ids) await api.closeDrop(room, id, reason);
  return ids.length;
}
