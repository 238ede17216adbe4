// @ts-check
/** The error of a call, in words, as a node. */

import { h } from "/sdk/element/dom.js";
import { errorText } from "/sdk/texts.js";
import { asApiError } from "../../shared/api-errors.js";

/** @import { Host } from "./host.js" */

/** @param {Host} host @param {unknown} fault @returns {string} */
export function troubleText(host, fault) {
  const error = asApiError(fault);
  return errorText(error.code, host.language.current, error.facts);
}

/** @param {Host} host @param {unknown} fault */
export const trouble = (host, fault) =>
  h("p", { class: "trouble", role: "alert" }, troubleText(host, fault));
