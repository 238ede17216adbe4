// @ts-check
/**
 * The view of a coupon card at one moment, as plain data: made of the drop, the claim and the server's time.
 *
 * Pure, so that every state of a card can be tested without a browser. Called by `card.js`; the
 * texts of outcomes are in `../texts.js`.
 */

import { claimText, closeReasonText, couponText, outcomeText } from "../texts.js";
import { conditions, countdown, dateText, scopeText, shortValue, validityText } from "./value.js";
import { report } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("../shapes.js").Drop} Drop */
/** @typedef {import("../shapes.js").Claim} Claim */
/** @typedef {import("../shapes.js").Coupon} Coupon */
/**
 * @typedef {"scheduled"|"open"|"claiming"|"won"|"confirmed"|"sold_out"|"again"|"drawing"|"entered"
 *   |"refused"|"answered"|"released"|"revoked"|"closed"|"locked"|"redeemed"|"expired"|"voided"
 *   |"not_drawn"|"aborted"} Phase
 */
/**
 * @typedef {object} CardView
 * @property {Phase} phase
 * @property {{text: string, enabled: boolean, busy: boolean}|null} button
 * @property {string} headline
 * @property {boolean} good whether the headline is good news
 * @property {string} note
 * @property {{label: string, text: string}|null} clock
 * @property {string} left
 * @property {Coupon|null} coupon only when confirmed: a code before that could still be lost
 * @property {boolean} quiet nothing more can come of this card
 */

/**
 * `now` is server time in ms, `since` the time at which this phase began. `out` is why the server is out of
 * reach; `asOf` is the time of day of its last message.
 * @typedef {{now: number, since: number, out?: "offline"|"cut"|null, asOf?: string}} Moment
 */

/** A claim that is not confirmed after this time is shown as being saved. */
export const SAVING_AFTER_MS = 1000;
/** A claim without a reply after this time is shown as still being tried. */
export const TRYING_AFTER_MS = 2500;

/** A longer hold or window is shown as a date, not as a countdown. */
const LONGEST_CLOCK_MS = 24 * 3600_000;
/** Refusals that concern the drop: the card shows the drop's state instead. */
const ABOUT_THE_DROP = new Set(["not_open", "closed", "task_open"]);
const CLOCK_SHOWN = new Set(["open", "claiming", "again", "sold_out"]);
const QUIET = new Set([
  "closed",
  "not_drawn",
  "aborted",
  "released",
  "revoked",
  "redeemed",
  "expired",
  "voided",
]);
/** States of a coupon that the card shows in place of `confirmed`. */
const MOVED = new Set(["locked", "redeemed", "expired", "voided"]);

/**
 * @param {Drop} drop
 * @param {Claim|undefined} claim
 * @returns {Phase}
 */
export function phaseOf(drop, claim) {
  if (!claim) {
    const { state } = drop;
    return state === "prepared" || state === "opening" ? "scheduled" : state;
  }
  switch (claim.state) {
    case "pending":
      return "claiming";
    case "refused":
    case "answered":
      return phaseAfterRefusal(drop, claim.outcome ?? "");
    case "entered":
      return phaseOfEntry(drop);
    case "confirmed":
      return MOVED.has(claim.coupon?.state ?? "")
        ? /** @type {Phase} */ (claim.coupon?.state)
        : "confirmed";
    default:
      return claim.state;
  }
}

/**
 * The phase of somebody who is in the draw and has not won, or does not know it yet.
 * @param {Drop} drop
 * @returns {Phase}
 */
function phaseOfEntry(drop) {
  if (drop.state === "aborted") return "aborted";
  return drop.state === "closed" ? "not_drawn" : "entered";
}

/**
 * @param {Drop} drop
 * @param {string} outcome
 * @returns {Phase}
 */
function phaseAfterRefusal(drop, outcome) {
  if (["closed", "drawing", "aborted"].includes(drop.state) || ABOUT_THE_DROP.has(outcome))
    return phaseOf(drop, undefined);
  if (outcome !== "sold_out") return "refused";
  return drop.state === "open" && drop.remaining > 0 ? "again" : "sold_out";
}

/**
 * @param {Drop} drop
 * @param {Claim|undefined} claim
 * @param {Moment} moment
 * @param {Language} language
 * @returns {CardView}
 */
export function cardView(drop, claim, moment, language) {
  const phase = phaseOf(drop, claim);
  return {
    phase,
    button: buttonOf(phase, drop, moment, language),
    ...resultOf(phase, drop, claim, moment, language),
    good: phase === "won" || phase === "confirmed",
    clock:
      phase === "confirmed"
        ? holdClockOf(drop, claim, moment.now, language)
        : clockOf(phase, drop, moment.now, language),
    left: CLOCK_SHOWN.has(phase) ? leftText(drop, moment, language) : "",
    coupon: phase === "confirmed" ? (claim?.coupon ?? null) : null,
    quiet: QUIET.has(phase),
  };
}

/**
 * The number of units left, with its time where that is not now.
 * @param {Drop} drop
 * @param {Moment} moment
 * @param {Language} language
 */
function leftText({ remaining, mode, quantity }, { out, asOf }, language) {
  if (mode === "draw") return say(language, "to_draw", { n: quantity });
  const left = say(language, "remaining", { n: remaining });
  return out && asOf ? `${left} ${say(language, "as_of", { at: asOf })}` : left;
}

/**
 * @param {Phase} phase
 * @param {Drop} drop
 * @param {Moment} moment
 * @param {Language} language
 * @returns {CardView["button"]}
 */
function buttonOf(phase, drop, { now, since, out }, language) {
  switch (phase) {
    case "scheduled":
      return { text: say(language, "opens_soon"), enabled: false, busy: false };
    case "open":
      return {
        text: say(language, drop.mode === "draw" ? "enter" : "claim"),
        enabled: true,
        busy: false,
      };
    case "again":
      return { text: say(language, "try_again"), enabled: true, busy: false };
    case "claiming": {
      const words = out ? "tap_kept" : now - since > TRYING_AFTER_MS ? "trying" : "claiming";
      return { text: say(language, words), enabled: false, busy: true };
    }
    default:
      return null;
  }
}

/**
 * @param {Phase} phase
 * @param {Drop} drop
 * @param {Claim|undefined} claim
 * @param {Moment} moment
 * @param {Language} language
 * @returns {{headline: string, note: string}}
 */
function resultOf(phase, drop, claim, { now, since, out }, language) {
  switch (phase) {
    case "claiming":
      return { headline: "", note: out ? say(language, `kept_${out}`) : "" };
    case "won":
      return {
        headline: say(language, "won"),
        note: now - since > SAVING_AFTER_MS ? say(language, "saving") : "",
      };
    case "confirmed":
      return claim?.coupon?.version
        ? {
            headline: say(language, "mine_again"),
            note: standingText(claim.coupon, "usable", language),
          }
        : { headline: say(language, "won"), note: storedText(drop, claim?.coupon, language) };
    case "locked":
    case "redeemed":
    case "expired":
    case "voided":
      return {
        headline: say(language, `coupon_${phase}`),
        note: standingText(claim?.coupon, phase, language),
      };
    case "sold_out":
      return { headline: say(language, "too_late"), note: soldOutText(claim, language) };
    case "again":
      return { headline: say(language, "came_back"), note: say(language, "be_quick") };
    case "drawing":
      return { headline: say(language, "drawing"), note: drawText(drop, language) };
    case "not_drawn":
      return { headline: say(language, "not_drawn"), note: drawText(drop, language) };
    case "aborted":
      return { headline: say(language, "aborted"), note: say(language, "aborted_note") };
    case "closed":
      return {
        headline: closeReasonText(drop.close_reason ?? "ended", language),
        note: claim?.state === "refused" && claim.why ? claimText(claim, language) : "",
      };
    case "entered":
      return {
        headline: claim ? claimText(claim, language) : "",
        note: drawText(drop, language) || entryText(claim, language),
      };
    case "refused":
    case "answered":
    case "released":
    case "revoked":
      return { headline: claim ? claimText(claim, language) : "", note: "" };
    default:
      return { headline: "", note: "" };
  }
}

/** Says why this tap did not get one; without a tap, or from an older server, that none is left.
 * @param {import("../shapes.js").Claim|undefined} claim @param {Language} language */
function soldOutText(claim, language) {
  return claim?.why ? claimText(claim, language) : outcomeText("sold_out", language);
}

/**
 * What is known of a draw: how many are in it, and how many of them win.
 * @param {Drop} drop
 * @param {Language} language
 */
function drawText({ draw }, language) {
  if (draw?.entries === undefined) return "";
  const { entries, winners } = draw;
  return winners === undefined
    ? say(language, "draw_sealed", { n: entries })
    : say(language, "draw_done", { n: entries, winners });
}

/**
 * @param {Claim|undefined} claim
 * @param {Language} language
 */
function entryText(claim, language) {
  return claim?.receipt ? say(language, "entry_kept", { n: claim.receipt.index + 1 }) : "";
}

/**
 * @param {Coupon|undefined} coupon
 * @param {"usable"|"locked"|"redeemed"|"expired"|"voided"} state
 * @param {Language} language
 */
function standingText(coupon, state, language) {
  /** @type {Partial<Record<typeof state, string>>} */
  const dates = { locked: coupon?.locked_until, redeemed: coupon?.redeemed_at };
  const at = dates[state] ?? coupon?.use_by;
  return couponText(state, language, { at: at ? dateText(at, language) : "…" });
}

/**
 * @param {Drop} drop
 * @param {Coupon|undefined} coupon
 * @param {Language} language
 */
function storedText(drop, coupon, language) {
  if (drop.rehearsal) return say(language, "not_stored");
  const stored = say(language, "stored");
  return coupon?.use_by
    ? `${stored}${say(language, "use_by", { at: dateText(coupon.use_by, language) })}`
    : stored;
}

/**
 * @param {Phase} phase
 * @param {Drop} drop
 * @param {number} now
 * @param {Language} language
 * @returns {CardView["clock"]}
 */
function clockOf(phase, drop, now, language) {
  if (phase === "scheduled") {
    return { label: say(language, "opens_in"), text: countdown(Date.parse(drop.opens_at) - now) };
  }
  if (!CLOCK_SHOWN.has(phase)) return null;
  if (drop.closes_at === null) return { label: say(language, "open_end"), text: "" };
  const [opens, closes] = [Date.parse(drop.opens_at), Date.parse(drop.closes_at)];
  if (closes - now > LONGEST_CLOCK_MS)
    return { label: say(language, "closes_on"), text: dateText(drop.closes_at, language) };
  // Our estimate of the server's time is late by the time a frame takes to arrive. Without this a countdown of
  // one minute would begin at 1:01.
  return {
    label: say(language, "closes_in"),
    text: countdown(Math.min(closes - now, closes - opens)),
  };
}

/**
 * The countdown to the end of the hold, where the drop has one. More than a day is shown as a date. After the
 * end the card does not know yet whether the coupon was released, and shows nothing.
 * @param {Drop} drop
 * @param {Claim|undefined} claim
 * @param {number} now
 * @param {Language} language
 * @returns {CardView["clock"]}
 */
function holdClockOf(drop, claim, now, language) {
  if (!drop.hold_seconds || !claim?.coupon?.use_by) return null;
  const left = Date.parse(claim.coupon.use_by) - now;
  if (left <= 0 || left > LONGEST_CLOCK_MS) return null;
  return { label: say(language, "held_for"), text: countdown(left) };
}

/**
 * The parts of a card that depend on the drop alone.
 * @param {Drop} drop
 * @param {Language} language
 */
export function dropFacts(drop, language) {
  return {
    value: orEmpty(() => shortValue(drop.discount, drop.currency, language), ""),
    conditions: [
      ...orEmpty(
        () => conditions(drop.discount, drop.threshold, drop.currency, language, drop.deducts),
        [],
      ),
      // Who taps must know it before.
      ...(drop.show_winners ? [say(language, "winners_shown")] : []),
    ],
    details: [
      orEmpty(() => scopeText(drop.scope, language), ""),
      orEmpty(() => validityText(drop.validity, language), ""),
      drop.description,
    ].filter(Boolean),
  };
}

/**
 * Return a part of a card, or its fallback where the part cannot be made; the other parts still show.
 * @template T
 * @param {() => T} tell
 * @param {T} empty
 */
function orEmpty(tell, empty) {
  try {
    return tell();
  } catch (fault) {
    report(fault);
    return empty;
  }
}
