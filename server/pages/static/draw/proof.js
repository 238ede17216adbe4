// @ts-check
/**
 * What the check of a draw says, as data for the page: a verdict and one line for each thing checked.
 * The check itself is the SDK's `verifyDraw`. Imported by draw.js; must not know the document.
 */

import { verifyDraw, verifyReceipt } from "/sdk/draws.js";

/** @typedef {import("/sdk/shapes.js").Draw} Draw */
/** @typedef {import("/sdk/shapes.js").DrawEntry} DrawEntry */
/** @typedef {{key: string, isGood: boolean, values: Record<string, number>}} Check */
/** @typedef {{verdict: "open"|"good"|"bad"|"malformed", checks: Check[]}} Proof */

/**
 * Check the document, and the student's own receipt where there is one.
 * @param {Draw} draw @param {DrawEntry|null} mine
 * @returns {Promise<Proof>}
 */
export async function checkDraw(draw, mine) {
  const wrong = await verifyDraw(draw);
  if (wrong.includes("unfinished")) return { verdict: "open", checks: [] };
  if (wrong.includes("malformed")) return { verdict: "malformed", checks: [] };
  const winners = draw.state === "aborted" ? "none" : "winners";
  const checks = ["commitment", "count", "root", "winners"].map((name) => ({
    key: `check_${name === "winners" ? winners : name}`,
    isGood: !wrong.includes(name),
    values: { n: name === "winners" ? draw.winners.length : draw.leaves.length },
  }));
  if (mine) {
    const isGood = await verifyReceipt(draw, mine.receipt);
    checks.push({ key: "check_mine", isGood, values: { n: mine.receipt.index + 1 } });
  }
  const isGood = checks.every((check) => check.isGood);
  return { verdict: isGood ? "good" : "bad", checks };
}

/**
 * Find an entry by its number (from 1) or the beginning of its leaf, of 8 digits at least.
 * @param {Draw} draw @param {string} asked
 * @returns {{index: number, place: number}|null} `place` from 0 among the winners, -1: did not win
 */
export function findEntry(draw, asked) {
  const text = asked.trim().toLowerCase();
  const isNumber = /^[0-9]{1,7}$/.test(text);
  const isLeaf = /^[0-9a-f]{8,64}$/.test(text);
  const index = isNumber
    ? Number(text) - 1
    : isLeaf
      ? draw.leaves.findIndex((leaf) => leaf.startsWith(text))
      : -1;
  if (index < 0 || index >= draw.leaves.length) return null;
  return { index, place: draw.winners.indexOf(index) };
}
