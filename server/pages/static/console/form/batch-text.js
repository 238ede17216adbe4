// @ts-check
/** A batch in the list of a form, and how many units of it a room may drop. Pure. Used by the console. */

import { shortValue } from "/sdk/element/value.js";
import { audienceText } from "./audience-text.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").Batch & {template?: any}} Batch */

/**
 * @param {Batch} batch
 * @param {string} room
 * @param {Language} language
 */
export function batchText(batch, room, language) {
  const { discount, currency } = batch.template ?? {};
  const worth = discount ? `${shortValue(discount, currency, language.current)} · ` : "";
  const only = audienceText(batch, language);
  const text = language.say("batch_option", { name: batch.name, n: unitsFor(batch, room) });
  return worth + text + (only && ` · ${only}`);
}

/** Return this room's quota if it has one, otherwise the units left of the batch.
 * @param {Batch} batch @param {string} room */
export function unitsFor(batch, room) {
  const share = /** @type {{room: string, remaining?: number|null}[]|undefined} */ (
    batch.rooms
  )?.find((one) => one.room === room);
  return Math.min(Number(batch.droppable), share?.remaining ?? Infinity);
}
