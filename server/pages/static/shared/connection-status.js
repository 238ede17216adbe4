// @ts-check
/**
 * The line under a room's name: whether the connection is live, how many people are present and,
 * while it is down, of which moment the numbers are. Used by the student's page and the console.
 */

import { closeText } from "/sdk/texts.js";
import { setText } from "/sdk/element/dom.js";

/** @typedef {import("/sdk/client.js").RoomClient} RoomClient */
/** @typedef {import("./language.js").Language} Language */
/** @typedef {import("./link-status.js").LinkStatus} LinkStatus */

const DOT = /** @type {Record<string, string>} */ ({
  live: "live",
  stopped: "stopped",
  offline: "stopped",
});

/**
 * @param {RoomClient} client
 * @param {Language} language
 * @param {LinkStatus} line
 * @param {"student"|"teacher"} who decides the text about being offline
 */
export function showConnection(client, language, line, who) {
  const words = /** @type {HTMLElement} */ (document.getElementById("connection"));
  const present = /** @type {HTMLElement} */ (document.getElementById("present"));
  const trouble = /** @type {HTMLElement} */ (document.getElementById("trouble"));
  const show = () => {
    const { closeCode, present: count } = client.state;
    const { seen, asOf, isLive } = line;
    const isBack = seen === "connecting" || seen === "joining";
    words.dataset.state = DOT[seen] ?? "waiting";
    setText(words, language.say(isBack ? "one_moment" : seen));
    setText(
      present,
      isLive ? language.say("present", { n: count }) : asOf && language.say("as_of", { at: asOf }),
    );
    if (seen === "stopped" && !closeCode) return; // whoever stopped the client has shown the reason
    const text =
      seen === "offline" || seen === "silent"
        ? language.say(`${seen}_${who}`)
        : seen === "stopped" && closeCode
          ? closeText(closeCode, language.current)
          : "";
    trouble.hidden = text === "";
    setText(trouble, text);
  };
  client.addEventListener("change", show);
  line.addEventListener("change", show);
  language.addEventListener("change", show);
  show();
}
