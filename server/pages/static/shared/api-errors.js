// @ts-check
/** A fault of the page's own is never told as the network's: it is logged, and said as what it is. */

import { ApiError } from "/sdk/index.js";

/** @param {unknown} error whatever a call threw */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  console.error(error);
  return new ApiError("fault", 0, { detail: String(error) });
}
