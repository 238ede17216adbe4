// @ts-check
/**
 * Decides whether a person may use a page, says in words why not, and leads to the school's sign-in
 * if there is one. Used by all pages of a person.
 */

import { ApiError } from "/sdk/transport.js";
import { h, setText } from "/sdk/element/dom.js";
import { claimsOf, takeToken } from "./token.js";

/** @typedef {import("./language.js").Language} Language */

/**
 * Return the token with which this page was opened. Return an empty string, and show the reason, if
 * there is none or its role has nothing to do here.
 * @param {string} place what the token is for, such as `student/algebra`
 * @param {readonly string[]} roles that may use the page
 * @param {Language} language
 */
export function admit(place, roles, language) {
  const token = takeToken(place);
  if (!token) return sayOutside(language, () => language.say("no_token"));
  const { role = "" } = claimsOf(token);
  // a text that is no token is refused by the server
  if (!role || roles.includes(role)) return token;
  return sayOutside(language, () =>
    language.say("not_your_page", {
      who: language.say(`role_${roles[0]}`),
      role: language.say(isRole(role) ? `role_${role}` : "role_other"),
    }),
  );
}

/**
 * Return a `getToken` that returns the link's token once. A page has no other: the second call
 * throws `token_expired` and calls `onExpired`.
 * @param {string} token
 * @param {() => void} onExpired
 * @returns {() => string}
 */
export function once(token, onExpired) {
  let isGiven = false;
  return () => {
    if (isGiven) {
      onExpired();
      throw new ApiError("token_expired", 401);
    }
    isGiven = true;
    return token;
  };
}

/**
 * Return a function that shows the notice once, however often it is called. @param {Language}
 * language @returns {() => void}
 */
export function expiryNotice(language) {
  let isSaid = false;
  return () => {
    if (!isSaid) sayOutside(language, () => language.say("expired"));
    isSaid = true;
  };
}

/** @param {Language} language @param {() => string} words @returns {""} */
function sayOutside(language, words) {
  const { login } = document.body.dataset;
  const link = h("a");
  const text = h("span");
  if (login) link.href = signInAt(login);
  // This notice has a place of its own. Other errors of the page have the same cause, so they are
  // hidden.
  document.body.toggleAttribute("data-outside", true);
  document
    .querySelector("main")
    ?.prepend(h("p", { class: "trouble", id: "outside", role: "alert" }, text, " ", login && link));
  const show = () => {
    setText(text, words());
    setText(link, language.say("sign_in"));
  };
  language.addEventListener("change", show);
  show();
  return "";
}

/**
 * Return the link to the school's sign-in with this page's address. Nothing of the current link
 * decides where it leads back to, because an attacker may have written it.
 * @param {string} login
 */
export function signInAt(login) {
  const target = new URL(login);
  target.searchParams.set("return", location.origin + location.pathname + location.search);
  return target.href;
}

/** @param {string} role */
const isRole = (role) =>
  ["student", "instructor", "operator", "finance", "service", "screen", "support"].includes(role);
