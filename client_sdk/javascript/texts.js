// @ts-check
/**
 * Texts for people: every outcome, error code, close code and state in Chinese and English. Each text says
 * what the reader can do now. Called by pages. A word that this SDK does not know gets a general text.
 * Places like `{available}` are filled from `facts`. Twin of `python/texts.py`; a test compares the two.
 *
 * @module
 */

import { isReconnectable } from "./frames.js";
import { CLOSE_WORDS, ERROR_FRAME_WORDS, TEXTS } from "./text_tables.js";

/** @typedef {"zh"|"en"} Language */

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

/** Return the text of a claim's outcome. `facts.limit` (batch, device, person, campaign) names the limit that
 * was reached.
 * @param {string} outcome @param {Language} [language] @param {Record<string, unknown>} [facts] */
export function outcomeText(outcome, language, facts = {}) {
  const exact = outcome === "limit_reached" ? `limit_${facts.limit}` : outcome;
  return text(
    "outcome",
    Object.prototype.hasOwnProperty.call(TEXTS.outcome, exact) ? exact : outcome,
    language,
  );
}

/** Return the text of a claim: of its outcome where it was refused, else of its state.
 * @param {import("./shapes.js").Claim} claim @param {Language} [language] */
export function claimText(claim, language) {
  if (claim.state !== "refused" || !claim.outcome) return text("claim", claim.state, language);
  if (!Object.prototype.hasOwnProperty.call(TEXTS.outcome, claim.outcome))
    return errorText(claim.outcome, language);
  if (claim.why && isKnown(claim.why.reason)) return whyText(claim.why, language);
  return outcomeText(claim.outcome, language, { limit: claim.limit });
}

/** @param {string} reason */
function isKnown(reason) {
  return reason === "limit" || Object.prototype.hasOwnProperty.call(TEXTS.why, reason);
}

/** Return why a claim was refused, as one sentence. A reason that this SDK does not know gets a general text.
 * @param {import("./shapes.js").Why} why @param {Language} [language] */
export function whyText(why, language) {
  /** @type {string} */
  let word = why.reason;
  if (word === "limit") word = `limit_${why.limit}`;
  else if (word === "taken" && why.after_ms === undefined)
    word = why.tap === undefined ? "taken_all" : "taken_before";
  else if (word === "ended" && why.after_ms === undefined)
    word = "gone"; // asked for later
  else if (word === "task_open" && isKnown(`task_${why.kind}`)) word = `task_${why.kind}`;
  if (why.units === 1 && isKnown(`${word}_one`)) word += "_one";
  /** @type {Record<string, string>} */
  const facts = {};
  for (const name of /** @type {const} */ (["units", "tap", "most", "used", "done", "needed"])) {
    const number = why[name];
    if (number !== undefined) facts[name] = number.toLocaleString("en-US");
  }
  if (why.after_ms !== undefined) facts.after = durationText(why.after_ms, language);
  if (why.in_ms !== undefined) facts.in = durationText(why.in_ms, language);
  return filled(text("why", word, language), facts);
}

/** Return a duration in the unit that says it best: ms, seconds with one decimal, minutes or hours.
 * @param {number} ms @param {Language} [language] */
export function durationText(ms, language) {
  let unit = "h";
  let number = Math.floor(ms / HOUR).toLocaleString("en-US");
  if (ms < SECOND) [unit, number] = ["ms", String(ms)];
  else if (ms < MINUTE)
    [unit, number] = ["s", `${Math.floor(ms / SECOND)}.${Math.floor((ms % SECOND) / 100)}`];
  else if (ms < HOUR) [unit, number] = ["min", String(Math.floor(ms / MINUTE))];
  return filled(text("duration", unit, language), { n: number });
}

/** Return the text of a coupon's state. `facts.at` is the date that belongs to it: until when it is locked
 * or usable, or since when it is redeemed, expired or voided.
 * @param {string} state @param {Language} [language] @param {Record<string, unknown>} [facts] */
export function couponText(state, language, facts = {}) {
  return filled(text("coupon", state, language), facts);
}

/** Return the text of the reason why a drop is closed. @param {string} reason @param {Language} [language] */
export function closeReasonText(reason, language) {
  return text("drop_closed", reason, language);
}

/** Return the text of a status of the connection. @param {string} status @param {Language} [language] */
export function statusText(status, language) {
  return text("status", status, language);
}

/** Return why the connection ended, by its close code. @param {number} code @param {Language} [language] */
export function closeText(code, language) {
  const word = CLOSE_WORDS[code] ?? (isReconnectable(code) ? "lost" : "other");
  return text(
    Object.prototype.hasOwnProperty.call(TEXTS.close, word) ? "close" : "error",
    word,
    language,
  );
}

/** Return the text of the code of an `ApiError` or of an `error` event, filled with its facts.
 * @param {string} code @param {Language} [language] @param {Record<string, unknown>} [facts] */
export function errorText(code, language, facts = {}) {
  if (Object.prototype.hasOwnProperty.call(TEXTS.outcome, `limit_${facts.limit}`))
    return outcomeText(code, language, facts);
  const close = Object.prototype.hasOwnProperty.call(ERROR_FRAME_WORDS, code)
    ? ERROR_FRAME_WORDS[code]
    : null;
  return filled(close ? text("close", close, language) : text("error", code, language), facts);
}

/** @param {string} words @param {Record<string, unknown>} facts */
function filled(words, facts) {
  return words.replace(/\{(\w+)\}/g, (_, name) => String(facts[name] ?? "?"));
}

/** @param {string} table @param {string} word @param {Language} [language] */
function text(table, word, language = "zh") {
  const texts = TEXTS[table];
  const pair = Object.prototype.hasOwnProperty.call(texts, word) ? texts[word] : texts.other;
  return pair[language === "en" ? 1 : 0];
}
