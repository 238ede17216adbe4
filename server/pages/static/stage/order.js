// @ts-check
/**
 * The running order as the console works with it: its entries with the prepared drops that are not in it yet, one
 * moved up or down, and the times of a video. Imports nothing, so that it can be tested without a page. Used by the
 * run sheet.
 */

/** @typedef {import("/sdk/shapes.js").OrderEntry} OrderEntry */
/** @typedef {import("/sdk/shapes.js").OrderEntryForm} OrderEntryForm */
/** @typedef {{at?: string, minute?: number, video_seconds?: number}} Moment */

/** The server takes no more entries. */
const MOST_ENTRIES = 100;

/**
 * Return the order as it is written: the entries as they are, and behind them the prepared drops that are in none.
 * Where that is too long, those are left out that have opened longest ago.
 * @param {readonly OrderEntry[]} entries
 * @param {readonly string[]} ready ids of the prepared drops, in their order on the page
 * @returns {OrderEntryForm[]}
 */
export function wholeOrder(entries, ready) {
  const known = new Set(entries.map(({ drop_id }) => drop_id));
  const forms = [
    ...entries.map((entry) => ({ drop_id: entry.drop_id, ...momentOf(entry) })),
    ...ready.filter((id) => !known.has(id)).map((id) => ({ drop_id: id })),
  ];
  let surplus = forms.length - MOST_ENTRIES;
  return forms.filter(({ drop_id }) => ready.includes(drop_id) || surplus-- <= 0);
}

/**
 * Return the order with one prepared drop moved past the next prepared one; entries that have opened keep their
 * places. The same order where there is none to pass.
 * @param {readonly OrderEntryForm[]} order
 * @param {readonly string[]} ready ids of the prepared drops, in their order
 * @param {string} id
 * @param {-1|1} step
 * @returns {OrderEntryForm[]}
 */
export function moved(order, ready, id, step) {
  const places = order.flatMap(({ drop_id }, place) => (ready.includes(drop_id) ? [place] : []));
  const from = places.findIndex((place) => order[place].drop_id === id);
  const to = from + step;
  if (from < 0 || to < 0 || to >= places.length) return [...order];
  const changed = [...order];
  [changed[places[from]], changed[places[to]]] = [order[places[to]], order[places[from]]];
  return changed;
}

/**
 * Return the order with another moment for one drop.
 * @param {readonly OrderEntryForm[]} order
 * @param {string} id
 * @param {Moment} moment
 * @returns {OrderEntryForm[]}
 */
export const withMoment = (order, id, moment) =>
  order.map((entry) => (entry.drop_id === id ? { drop_id: id, ...moment } : entry));

/** @param {Moment} entry @returns {Moment} */
export function momentOf({ at, minute, video_seconds }) {
  if (at !== undefined) return { at };
  if (minute !== undefined) return { minute };
  return video_seconds === undefined ? {} : { video_seconds };
}

/** Return "12:30" or "1:02:30". @param {number} seconds */
export function videoTime(seconds) {
  const two = (/** @type {number} */ n) => String(n % 60).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes)}:${two(seconds)}`;
}

/** Return the seconds of "12:30", "1:02:30" or "45" (minutes:seconds, not a number of minutes); null where it is
 * none of them. @param {string} text */
export function videoSeconds(text) {
  const parts = text.trim().replaceAll("：", ":").split(":");
  if (parts.length > 3 || !parts.every((part) => /^\d{1,5}$/.test(part))) return null;
  if (parts.slice(1).some((part) => Number(part) > 59)) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}
