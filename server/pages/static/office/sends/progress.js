// @ts-check
/** The states of a send: what can still be done with it, and how far it is. Pure. */

/** @import { Issuance, ItemOutcome } from "/sdk/shapes.js" */

const UNDO_MS = 3_600_000;
export const OUTCOMES = /** @type {const} */ ([
  "pending",
  "issued",
  "stock_short",
  "budget_short",
  "limit_reached",
  "not_eligible",
  "blocked",
  "stopped",
  "duplicate",
  "held_out",
]);
/** Outcomes that may be others at another time; a limit that is reached is not. @type {readonly ItemOutcome[]} */
export const RETRIED = ["stock_short", "budget_short", "stopped", "not_eligible", "blocked"];

/** @param {Issuance["state"]} state */
export const canStop = (state) =>
  ["draft", "waiting", "scheduled", "counting_down", "running"].includes(state);
export const isOngoing = canStop;

/** Until an hour after its end. @param {Issuance} send @param {number} now ms */
export function canUndo({ state, finished_at: finishedAt }, now) {
  if (state === "undone") return false;
  return finishedAt === undefined || now < Date.parse(finishedAt) + UNDO_MS;
}

/** @param {Issuance} send @returns {string} of an audience it is not known before it starts */
export const shareDone = ({ asked, issued, refused, held_out: heldOut }) =>
  asked > 0 ? `${Math.floor((100 * (issued + refused + heldOut)) / asked)} %` : "…";
