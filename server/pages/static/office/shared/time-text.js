// @ts-check
/** A time of the API as a person reads it, in the time zone of the school. */

import { schoolZone } from "./school-time.js";

/** @import { Host } from "./host.js" */

/** @param {Host} host @param {string|null|undefined} at @returns {string} empty for none */
export const timeText = ({ language }, at) =>
  at
    ? new Intl.DateTimeFormat(language.current === "zh" ? "zh-CN" : "en", {
        dateStyle: "medium",
        timeStyle: "short",
        timeZone: schoolZone(),
      }).format(new Date(at))
    : "";
