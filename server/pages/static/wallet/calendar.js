// @ts-check
/** The end of a coupon as an iCalendar file (RFC 5545), with an alarm a day before. Pure. */

/** RFC 5545, 3.1: a line has at most 75 octets of UTF-8; a longer one goes on after a line break and a space. */
const MOST_OCTETS = 75;
const bytes = new TextEncoder();

/**
 * @param {{id: string, use_by: string, code: string, title: string, url: string, now: number}} coupon
 * `use_by` is RFC 3339, `now` ms since 1970
 * @returns {string}
 */
export function calendarFile({ id, use_by, code, title, url, now }) {
  const end = stamp(Date.parse(use_by));
  return [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Classdrop//Wallet//EN",
    "BEGIN:VEVENT",
    `UID:${escaped(id)}@classdrop`,
    `DTSTAMP:${stamp(now)}`,
    // An event that ends as it begins: the coupon can be used before this moment, and not at it.
    `DTSTART:${end}`,
    `DTEND:${end}`,
    `SUMMARY:${escaped(title)}`,
    `DESCRIPTION:${escaped(code)}`,
    `URL:${url.replace(/[\r\n]/g, "")}`,
    "TRANSP:TRANSPARENT",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    `DESCRIPTION:${escaped(title)}`,
    "TRIGGER:-P1D",
    "END:VALARM",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ]
    .map(folded)
    .join("\r\n");
}

/** Return "20261202T135500Z". @param {number} ms */
function stamp(ms) {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\;,]/g, "\\$&").replace(/\r\n|\r|\n/g, "\\n");
}

/** @param {string} line */
function folded(line) {
  let [found, octets] = ["", 0];
  for (const char of line) {
    const size = bytes.encode(char).length;
    if (octets + size > MOST_OCTETS) {
      found += "\r\n ";
      octets = 1;
    }
    found += char;
    octets += size;
  }
  return found;
}
