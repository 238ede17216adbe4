// @ts-check
/**
 * Verify a school's statement in the browser: that no sealed day was changed since. Needs what the API gives
 * and nothing else: the sealed days (`statementDays`) and the lines as NDJSON (`statementFile`). Twin of
 * `python/statements.py`.
 *
 *     seal of a day = SHA-256(seal of the day before, LF, date, LF, then each line and LF)
 *
 * @module
 */

/** @import { StatementDay } from "./shapes.js" */

const AMOUNTS = /** @type {const} */ (["share", "paid", "refunded"]);

/** Return what is wrong, one text for each day that is; empty where every sealed day is sound.
 *
 * `lines`: those of all these days, as they were received, without their line feeds. `days` may begin in the
 * middle of the chain: then the first one's `prev_sha256` is believed.
 * @param {StatementDay[]} days @param {string[]} lines @returns {Promise<string[]>} */
export async function verifyStatement(days, lines) {
  /** @type {Map<string, string[]>} */
  const byDate = new Map();
  for (const line of lines) {
    const { date } = JSON.parse(line);
    byDate.set(date, [...(byDate.get(date) ?? []), line]);
  }
  const wrong = [];
  let before = null;
  for (const day of days.filter((each) => each.is_sealed)) {
    const faults = await faultsOf(day, byDate.get(day.date) ?? []);
    if (before !== null && day.prev_sha256 !== before)
      faults.push("it does not follow the day before");
    if (faults.length) wrong.push(`${day.date}: ${faults.join(", ")}`);
    before = day.sha256;
  }
  return wrong;
}

/** @param {StatementDay} day @param {string[]} lines @returns {Promise<string[]>} */
async function faultsOf(day, lines) {
  const faults = [];
  if (lines.length !== day.lines) faults.push(`${lines.length} lines, sealed with ${day.lines}`);
  const text = [`${day.prev_sha256}\n${day.date}\n`, ...lines.map((line) => `${line}\n`)].join("");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = [...new Uint8Array(digest)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  if (hex !== day.sha256) faults.push("the lines are not those that were sealed");
  if (!sameTotals(totalsOf(lines), day.totals ?? {}))
    faults.push("the totals are not those of the lines");
  return faults;
}

/** @param {string[]} lines @returns {Record<string, Record<string, number>>} */
function totalsOf(lines) {
  /** @type {Record<string, Record<string, number>>} */
  const totals = {};
  for (const line of lines) {
    const read = JSON.parse(line);
    const sums = (totals[read.currency] ??= { share: 0, paid: 0, refunded: 0 });
    for (const name of AMOUNTS) sums[name] += read[name];
  }
  return totals;
}

/** @param {Record<string, Record<string, number>>} ours
 * @param {Record<string, Record<string, number>>} theirs */
function sameTotals(ours, theirs) {
  const currencies = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...currencies].every((currency) =>
    AMOUNTS.every((name) => ours[currency]?.[name] === theirs[currency]?.[name]),
  );
}
