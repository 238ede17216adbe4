// @ts-check
/** Money in a field, as a person writes it: "12.5" of a currency. Pure. */

import { minorDigits } from "/sdk/element/value.js";

/** Return minor units; NaN for what is no number. @param {string} text @param {string} currency */
export const minorOf = (text, currency) =>
  text === "" ? NaN : Math.round(Number(text) * 10 ** minorDigits(currency));

/** @param {number|undefined} minor @param {string} currency @returns {string} empty for none */
export const majorText = (minor, currency) =>
  minor === undefined ? "" : String(minor / 10 ** minorDigits(currency));
