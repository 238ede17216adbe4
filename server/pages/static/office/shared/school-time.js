// @ts-check
/**
 * Days and times in the time zone of the school, which the page's body names (`data-time-zone`): what the office
 * shows and what people type there. A reader in another zone sees the same days as the reports. Pure, for a zone.
 */

const PARTS = /** @type {const} */ (["year", "month", "day", "hour", "minute", "second"]);

/** The school's IANA zone; undefined where the page names none: the computer's. */
export const schoolZone = () => globalThis.document?.body?.dataset.timeZone || undefined;

/** @param {number} ms @param {string} [zone] @returns {string} as in 2026-03-01 */
export const dayOf = (ms, zone = schoolZone()) => clockOf(ms, zone).slice(0, 10);

/** The value of a `datetime-local` field for an instant, in whole minutes. @param {number} ms @param {string} [zone] */
export const localTime = (ms, zone = schoolZone()) => clockOf(ms, zone).slice(0, 16);

/**
 * The instant (ms) of a day, or of a time as a field holds it; null where it is none. Of a time that the clock has
 * twice it is one of both, of one that it skips the one after.
 *
 * @param {string} text @param {string} [zone]
 */
export function instantOf(text, zone = schoolZone()) {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?$/.test(text)) return null;
  const clock = Date.parse(text.length === 10 ? `${text}T00:00Z` : `${text}Z`);
  if (Number.isNaN(clock)) return null;
  const offset = (/** @type {number} */ ms) => Date.parse(`${clockOf(ms, zone)}Z`) - ms;
  // The offset at the wrong instant is right but for the hours around a change of the clock.
  const whole = Math.floor(clock / 1000) * 1000;
  return clock - offset(whole - offset(whole));
}

/** The instant of a field for the API; a text that is none is sent as it is, and refused. @param {string} text */
export function instantText(text) {
  const ms = instantOf(text) ?? Date.parse(text);
  return Number.isNaN(ms) ? text : new Date(ms).toISOString();
}

/** @param {number} ms @param {string|undefined} zone @returns {string} as in 2026-03-01T09:30:00 */
function clockOf(ms, zone) {
  const format = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const found = Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]));
  const [year, month, day, hour, minute, second] = PARTS.map((name) => found[name]);
  return `${year.padStart(4, "0")}-${month}-${day}T${hour}:${minute}:${second}`;
}
