// @ts-check
/**
 * Tells errors of the API from faults of the page: a fault is logged and shown as such, never as a
 * network error.
 */

import { ApiError } from "/sdk/transport.js";

/** @param {unknown} error thrown by a call */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  console.error(error);
  return new ApiError("fault", 0, { detail: String(error) });
}
