// @ts-check
/** The token playground of the demo: asks the server for a token, and shows what is in it. */

import { Language } from "../shared/language.js";
import { playgroundMessages } from "./messages-playground.js";

const language = new Language(playgroundMessages);
/** @param {string} id */
const byId = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

language.switchWith(byId("language"));
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  make().catch(() => say("playground_gone"));
});

async function make() {
  byId("wrong").textContent = "";
  const form = {
    role: byId("role").value,
    sub: byId("sub").value.trim(),
    rooms: names("rooms"),
    tags: names("tags"),
    minutes: Number(byId("minutes").value),
  };
  const reply = await fetch("/docs/playground/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(form),
  });
  const said = await reply.json();
  if (reply.ok) show(said.token, form);
  else say("playground_wrong", { field: said.field });
}

/** @param {string} token @param {{role: string, rooms: string[]}} form */
function show(token, { role, rooms }) {
  const room = rooms[0] ?? "demo";
  const page = PAGES[role]?.(encodeURIComponent(room));
  byId("token").value = token;
  byId("claims").textContent = JSON.stringify(claimsOf(token), null, 2);
  byId("curl").textContent =
    `curl -H 'Authorization: Bearer ${token}' \\\n  '${location.origin}${CALLS[role]?.(room)}'`;
  const link = /** @type {HTMLAnchorElement} */ (document.getElementById("open"));
  link.hidden = page === undefined;
  link.href = `${page}#token=${token}`;
  link.textContent = language.say("playground_open");
  byId("made").hidden = false;
}

/** The page of each role. @type {Record<string, (room: string) => string>} */
const PAGES = {
  student: (room) => `/rooms/${room}`,
  instructor: (room) => `/console/${room}`,
  operator: () => "/office",
  finance: () => "/office",
  support: () => "/office",
  screen: (room) => `/screen/${room}`,
};

/** A call that the role may make. @type {Record<string, (room: string) => string>} */
const CALLS = {
  student: () => "/v1/me/coupons",
  instructor: (room) => `/v1/rooms/${room}/drops`,
  operator: () => "/v1/templates",
  finance: () => "/v1/templates",
  support: () => "/v1/batches",
  service: () => "/v1/events?limit=5",
  screen: (room) => `/screen/${room}`,
};

/** @param {string} token @returns {unknown} */
function claimsOf(token) {
  const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
}

/** @param {string} id */
function names(id) {
  return byId(id)
    .value.split(/[,，]/)
    .map((name) => name.trim())
    .filter(Boolean);
}

/** @param {string} key @param {Record<string, string>} [values] */
function say(key, values) {
  byId("wrong").textContent = language.say(key, values);
}
