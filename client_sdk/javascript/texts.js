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
  return outcomeText(claim.outcome, language, { limit: claim.limit });
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
