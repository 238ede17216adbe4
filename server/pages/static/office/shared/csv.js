// @ts-check
/**
 * CSV for spreadsheets: with a byte order mark, because Excel reads UTF-8 only with one, and a quote before
 * cells that a spreadsheet would run as a formula. `csvText` and `csvRows` are pure; `saveFile` needs a browser.
 */

/** @param {readonly (readonly unknown[])[]} rows @returns {string} */
export function csvText(rows) {
  return `\uFEFF${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}

/** @param {unknown} value */
function cell(value) {
  const text = value == null ? "" : String(value);
  // numbers may begin with a minus; texts may not
  const isFormula = typeof value !== "number" && /^[=+\-@\t\r]/.test(text);
  const guarded = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** The cells of CSV; one in quotes may hold commas, line breaks and doubled quotes. @param {string} text @returns {string[][]} */
export function csvRows(text) {
  const rows = [/** @type {string[]} */ ([])];
  const cells = text
    .replace(/^\uFEFF/, "")
    .matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g);
  for (const [, quoted, plain, end] of cells) {
    rows[rows.length - 1].push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ",") rows.push([]);
    if (end === "") break;
  }
  return rows.filter((row) => row.some(Boolean));
}

/** @param {string} name @param {BlobPart} content @param {string} [type] */
export function saveFile(name, content, type = "text/csv;charset=utf-8") {
  const url = URL.createObjectURL(
    content instanceof Blob ? content : new Blob([content], { type }),
  );
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // Safari reads it after the click
}
