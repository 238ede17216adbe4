// @ts-check
/**
 * Writes a change of the running order for the run sheet: reads the order, changes it, and writes it with the version
 * that was read, so that what another teacher writes in between is not lost.
 */

import { retryUntilAnswered } from "../console/retry.js";
import { asApiError } from "../shared/api-errors.js";
import { wholeOrder } from "./order.js";

/** @typedef {import("/sdk/shapes.js").OrderEntryForm} OrderEntryForm */
/** @typedef {import("/sdk/shapes.js").RunningOrder} RunningOrder */

const TRIES = 4;

/**
 * Change the order as it is now, and return what was written. Throws an ApiError.
 * @param {import("/sdk/api.js").Api} api
 * @param {string} room
 * @param {readonly string[]} ready ids of the prepared drops, in their order on the page
 * @param {(order: OrderEntryForm[]) => OrderEntryForm[]} change
 * @param {number} [tries] how often to look again where somebody else was faster
 * @returns {Promise<RunningOrder>}
 */
export async function writeOrder(api, room, ready, change, tries = TRIES) {
  const { entries, version } = await retryUntilAnswered(() => api.getRunningOrder(room));
  const wanted = change(wholeOrder(entries, ready));
  try {
    return await retryUntilAnswered(() => api.putRunningOrder(room, wanted, version));
  } catch (error) {
    if (tries <= 1 || asApiError(error).facts.version === undefined) throw error;
    return writeOrder(api, room, ready, change, tries - 1);
  }
}
