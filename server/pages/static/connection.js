// @ts-check
/**
 * The line under a room's name: whether the connection is live, and how many are here.
 * Used by the student's page and the console.
 */

import { closeText } from "/sdk/index.js";
import { setText } from "/sdk/element/dom.js";

/** @typedef {import("/sdk/client.js").RoomClient} RoomClient */
/** @typedef {import("./language.js").Language} Language */

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
    const text = status === "stopped" && closeCode ? closeText(closeCode, language.current) : "";
    if (status === "stopped" && !closeCode) return; // whoever stopped it has said why
    trouble.hidden = text === "";
    setText(trouble, text);
  };
  client.addEventListener("change", show);
  language.addEventListener("change", show);
  show();
}
