// @ts-check
/** The text that says when a prepared drop opens. Pure. Used by the run sheet. */

import { countdown, dateText } from "/sdk/element/value.js";
import { videoTime } from "./order.js";

/** @typedef {import("/sdk/shapes.js").OrderEntry} OrderEntry */
/** @typedef {import("./order.js").Moment} Moment */
/** @typedef {(key: string, values?: Record<string, string|number>) => string} Say */

/**
 * Return when an entry opens, with the time that is left where a clock says so.
 * @param {OrderEntry|undefined} entry
 * @param {number} now server time, ms
 * @param {"zh"|"en"} language
 * @param {Say} say
 */
export function momentText(entry, now, language, say) {
  const due = entry?.due_at
    ? say("cue_in", { time: countdown(Date.parse(entry.due_at) - now) })
    : "";
  return plainMoment(entry ?? {}, language, say) + due;
}

/** @param {Moment} moment @param {"zh"|"en"} language @param {Say} say */
function plainMoment({ at, minute, video_seconds }, language, say) {
  if (at !== undefined) return say("cue_at", { at: dateText(at, language) });
  if (minute !== undefined) return say("cue_minute", { n: minute });
  if (video_seconds !== undefined) return say("cue_video", { at: videoTime(video_seconds) });
  return say("cue_hand");
}
