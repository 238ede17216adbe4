// @ts-check
/**
 * The line under a room's name: whether the connection is live, and how many are here.
 * Used by the student's page and the console.
 */

import { closeText, errorText } from "/sdk/index.js";
import { setText } from "/sdk/element/dom.js";

/** @typedef {import("/sdk/client.js").RoomClient} RoomClient */
/** @typedef {import("./language.js").Language} Language */

const TOKEN_EXPIRED = 4001;

/**
 * @param {RoomClient} client
 * @param {Language} language
 */
export function showConnection(client, language) {
  const line = /** @type {HTMLElement} */ (document.getElementById("connection"));
  const present = /** @type {HTMLElement} */ (document.getElementById("present"));
  const trouble = /** @type {HTMLElement} */ (document.getElementById("trouble"));
  const show = () => {
    const { status, closeCode, present: count } = client.state;
    const isBack = status === "connecting" || status === "joining";
    line.dataset.state = status === "live" || status === "stopped" ? status : "waiting";
    setText(line, language.say(isBack ? "one_moment" : status));
    setText(present, status === "live" ? language.say("present", { n: count }) : "");
    const text = troubleText(status, closeCode, language);
    trouble.hidden = text === "";
    setText(trouble, text);
  };
  client.addEventListener("change", show);
  language.addEventListener("change", show);
  show();
}

/**
 * What reconnecting alone will not mend. The token of a link is all a page has: once it has expired,
 * only the course page can give another.
 * @param {string} status
 * @param {number|null} closeCode
 * @param {Language} language
 */
function troubleText(status, closeCode, language) {
  if (status !== "live" && closeCode === TOKEN_EXPIRED) return errorText("token_expired", language.current);
  return status === "stopped" && closeCode ? closeText(closeCode, language.current) : "";
}

/**
 * Where there is nothing to connect with.
 * @param {Language} language
 */
export function askForLink(language) {
  const trouble = /** @type {HTMLElement} */ (document.getElementById("trouble"));
  const show = () => setText(trouble, language.say("no_token"));
  trouble.hidden = false;
  language.addEventListener("change", show);
  show();
}
