// @ts-check
/**
 * The card alone, in a frame over the school's own player; `client_sdk/EMBED.md` says how it is used. The
 * parent learns by postMessage what happens: `{type: "classdrop", event, …}` with `event` one of ready, opened,
 * won, confirmed, closed, released, revoked, changed (`state`), use, size (`width`, `height` in CSS px: 0 while there is nothing),
 * token_needed (answered with `{type: "classdrop", token}`), refused (`code`). No message of ours holds a
 * coupon's code or a token.
 */

import "/sdk/room-element.js";
import { Language } from "../shared/language.js";
import { claimsOf, takeToken, useInNewTab } from "../shared/token.js";

/** @typedef {import("/sdk/room-element.js").ClassdropRoom} ClassdropRoom */

/** The card's 340 px and its margins. */
const WISHED_WIDTH = 364;
/** A client allows a join 15 s, token included. */
const ANSWER_MS = 10_000;

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const element = /** @type {ClassdropRoom} */ (document.getElementById("room"));
let token = takeToken(`student/${document.body.dataset.room}`);
const parents = parentOrigins((main.dataset.origins ?? "").split(" ").filter(Boolean));
new Language();
dress(new URLSearchParams(location.search).get("scheme") ?? "");

/** @param {string} scheme of the page around us: `light`, `dark`, or `auto` for the reader's system */
function dress(scheme) {
  if (!["light", "dark", "auto"].includes(scheme)) return;
  document.documentElement.dataset.scheme = scheme;
  element.setAttribute("scheme", scheme);
}

/**
 * Return the origins that may be told: the page that framed us, if it is allowed. If a parent hides
 * its address, every allowed origin is tried; the browser delivers only to the right one.
 * @param {string[]} allowed
 */
function parentOrigins(allowed) {
  const known = [location.origin, ...allowed];
  const referrer = document.referrer ? new URL(document.referrer).origin : "";
  const framer = location.ancestorOrigins?.[0] ?? referrer;
  if (!framer) return allowed;
  return known.includes(framer) ? [framer] : [];
}

/** @param {string} event @param {Record<string, string|number>} [facts] */
function tell(event, facts = {}) {
  if (window.parent === window) return;
  for (const origin of parents)
    window.parent.postMessage({ type: "classdrop", event, ...facts }, origin);
}

element.addEventListener("classdrop", (event) => {
  const { event: what, drop_id, state } = /** @type {CustomEvent} */ (event).detail;
  tell(what, { ...(drop_id ? { drop_id } : {}), ...(state ? { state } : {}) });
  if (what === "use") useInNewTab(event, token);
});

/**
 * Tell the wished size. The width never follows the frame's, because otherwise the two would drive
 * each other.
 */
function tellSize() {
  const isEmpty = element.hasAttribute("data-empty");
  tell("size", { width: isEmpty ? 0 : WISHED_WIDTH, height: isEmpty ? 0 : main.offsetHeight });
}

/** @type {((token: string) => void)|null} */
let takeAnswer = null;
addEventListener("message", ({ source, origin, data }) => {
  if (source !== window.parent || !parents.includes(origin)) return;
  if (data?.type === "classdrop" && typeof data.token === "string" && data.token)
    takeAnswer?.(data.token);
});

/**
 * Ask the parent for a token. Without an answer the client asks again, as it does when the server
 * is unreachable.
 * @returns {Promise<string>}
 */
function askParent() {
  return new Promise((resolve, reject) => {
    takeAnswer = resolve;
    setTimeout(() => reject(new Error("the parent gave no token")), ANSWER_MS);
    tell("token_needed");
  });
}

let isGiven = false;

/** Return the link's token first, and afterwards tokens of the parent. */
async function getToken() {
  if (!token || isGiven) token = await askParent();
  isGiven = true;
  const { role = "student" } = claimsOf(token);
  if (role !== "student") {
    tell("refused", { code: "wrong_role" });
    element.client?.stop();
  }
  return token;
}

new ResizeObserver(tellSize).observe(main);
new MutationObserver(tellSize).observe(element, { attributeFilter: ["data-empty"] });
tell("ready");
if (token || window.parent !== window) element.getToken = getToken;
