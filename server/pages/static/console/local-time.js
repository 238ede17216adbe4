// @ts-check
/** Times of `datetime-local` fields, which have no zone: the reader's own. Pure. Used by the console's forms. */

/** Return the value of a field for an instant, in whole minutes. @param {number} ms since 1970 */
export function localTime(ms) {
  const offset = new Date(ms).getTimezoneOffset() * 60_000; // minutes to ms
  return new Date(ms - offset).toISOString().slice(0, 16);
}

/** Return the instant of a field (ms); null where it is empty or no time. @param {string} value */
export function instantOf(value) {
  const ms = value ? new Date(value).getTime() : NaN;
  return Number.isNaN(ms) ? null : ms;
}
