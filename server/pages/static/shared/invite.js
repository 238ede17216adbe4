// @ts-check
/**
 * The invitation by which somebody came: the address of a page has it as `#invite=…`. It is taken out of the
 * address at once, and kept for this tab until its person has signed in and the server has been told.
 */

import { Api } from "/sdk/api.js";
import { ApiError } from "/sdk/transport.js";
import { setText, show } from "/sdk/element/dom.js";

/** @typedef {import("./language.js").Language} Language */

const KEPT_AS = "classdrop.invite";
/** The server has said for good that it is no invitation. */
const FINAL = new Set(["not_found", "invalid_field"]);

/** Keep the code of the address, if it has one. Call it before the token is taken out of the address. */
export function keepInvitation() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const code = parts.get("invite");
  if (!code) return;
  parts.delete("invite");
  const rest = parts.toString();
  try {
    sessionStorage.setItem(KEPT_AS, code);
  } catch {
    return; // Storage is forbidden: the address keeps it, for who signs in without leaving.
  }
  const hash = rest ? `#${rest}` : "";
  history.replaceState(history.state, "", location.pathname + location.search + hash);
}

/**
 * Tell the server by whom this student came, and say that it counts. What does not succeed is tried again when
 * the page is opened the next time.
 * @param {string} token
 * @param {Language} language
 */
export async function tellInvitation(token, language) {
  const code = kept();
  if (!code) return;
  try {
    const { counted } = await new Api({ url: location.origin, getToken: () => token }).arrive(code);
    forget();
    if (counted) sayCounted(language);
  } catch (error) {
    if (error instanceof ApiError && FINAL.has(error.code)) forget();
  }
}

/** @param {Language} language */
function sayCounted(language) {
  const box = document.getElementById("invited");
  if (!box) return;
  const draw = () => setText(box, language.say("invited_counted"));
  language.addEventListener("change", draw);
  draw();
  show(box, true);
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT_AS) ?? "";
  } catch {
    return new URLSearchParams(location.hash.slice(1)).get("invite") ?? "";
  }
}

function forget() {
  try {
    sessionStorage.removeItem(KEPT_AS);
  } catch {
    // Nothing was kept.
  }
}
