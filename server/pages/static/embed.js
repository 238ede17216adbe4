// @ts-check
/**
 * The card alone, in a frame over the school's own player. The parent learns by postMessage what
 * happens: `{type: "classdrop", event, …}` with `event` one of ready, opened, won, confirmed,
 * closed, released, revoked, changed (with `state`: locked, redeemed, usable, expired, voided), use, size (`width`, `height` in CSS px: 0 while there is nothing).
 * No message holds a coupon's code or a token.
 */

import "/sdk/room-element.js";
import { Language } from "./language.js";
import { takeToken, useInNewTab } from "./token.js";

/** @typedef {import("/sdk/room-element.js").ClassdropRoom} ClassdropRoom */

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const element = /** @type {ClassdropRoom} */ (document.getElementById("room"));
const token = takeToken(`student/${document.body.dataset.room}`);
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
 * Who may be told: the page that framed us, where it is one of the allowed. A parent that hides its
 * address is told by every allowed address; the browser delivers only to the right one.
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
  for (const origin of parents) window.parent.postMessage({ type: "classdrop", event, ...facts }, origin);
}

element.addEventListener("classdrop", (event) => {
  const { event: what, drop_id, state } = /** @type {CustomEvent} */ (event).detail;
  tell(what, { ...(drop_id ? { drop_id } : {}), ...(state ? { state } : {}) });
  if (what === "use") useInNewTab(event, token);
});

function tellSize() {
  const isEmpty = element.hasAttribute("data-empty");
  tell("size", { width: isEmpty ? 0 : main.scrollWidth, height: isEmpty ? 0 : main.offsetHeight });
}

new ResizeObserver(tellSize).observe(main);
new MutationObserver(tellSize).observe(element, { attributeFilter: ["data-empty"] });
if (token) element.getToken = () => token;
tell("ready");
