// @ts-check
/** Reads a payment provider's file: CSV with the columns order, paid and, if it has it, refunded. Pure. */

/** @import { ProviderOrder } from "/sdk/shapes.js" */

/** `reason` is the key of a text; `row` counts from 1, the header included. */
export class PaymentFileError extends Error {
  /** @param {"header"|"row"} reason @param {number} row */
  constructor(reason, row) {
    super(`${reason} ${row}`);
    this.reason = reason;
    this.row = row;
  }
}

/** Amounts are in minor units. Throws PaymentFileError. @param {string} text @returns {ProviderOrder[]} */
export function paymentOrders(text) {
  const rows = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map(cells);
  const names = rows[0].map((name) => name.toLowerCase());
  const [order, paid, refunded] = ["order", "paid", "refunded"].map((name) => names.indexOf(name));
  if (order < 0 || paid < 0) throw new PaymentFileError("header", 1);
  return rows.slice(1).flatMap((row, index) => {
    if (row.every((cell) => cell === "")) return [];
    const amounts = [row[paid], (refunded < 0 ? "" : row[refunded]) || "0"];
    if (!row[order] || !amounts.every((amount) => /^\d{1,15}$/.test(amount ?? "")))
      throw new PaymentFileError("row", index + 2);
    return [{ order: row[order], paid: Number(amounts[0]), refunded: Number(amounts[1]) }];
  });
}

/** @param {string} line a cell in quotes may hold commas and doubled quotes, but no line break */
function cells(line) {
  const found = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return found.map(([, quoted, plain = ""]) => (quoted?.replaceAll('""', '"') ?? plain).trim());
}
