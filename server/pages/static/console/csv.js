// @ts-check
/** Rows as CSV that a spreadsheet opens as it is (RFC 4180). Pure. */

/** A spreadsheet reads a cell that begins so as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * Return the rows with a byte order mark, so that Excel reads UTF-8, and with no cell that is a formula.
 * @param {readonly (readonly string[])[]} rows
 */
export function csvText(rows) {
  return `\ufeff${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}

/** @param {string} text */
function cell(text) {
  const guarded = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}
