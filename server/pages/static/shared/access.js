// @ts-check
/**
 * Who may be on this page: says in words why somebody may not, and leads to the school's sign-in where there
 * is one. Used by every page of a person.
 */

import { ApiError } from "/sdk/index.js";
import { h, setText } from "/sdk/element/dom.js";
import { claimsOf, takeToken } from "./token.js";

/** @typedef {import("./language.js").Language} Language */

/**
 * The token this page was entered with. Empty, and said why, where there is none or it is somebody's who has
 * nothing to do here.
 * @param {string} place what the token is for, such as `student/algebra`
 * @param {readonly string[]} roles who has something to do here
 * @param {Language} language
 */
export function admit(place, roles, language) {
  const token = takeToken(place);
  if (!token) return sayOutside(language, () => language.say("no_token"));
  const { role = "" } = claimsOf(token);
  if (!role || roles.includes(role)) return token; // what is no token is refused by the server
  return sayOutside(language, () =>
    language.say("not_your_page", {
      who: language.say(`role_${roles[0]}`),
      role: language.say(isRole(role) ? `role_${role}` : "role_other"),
    }),
  );
}

/**
 * A link's token is all a page has: asked for another, `getToken` says `token_expired` and tells `onExpired`.
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

/** Said once, however many calls find out. @param {Language} language @returns {() => void} */
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
  // A place of its own: whatever else a page has to complain of comes from this alone, and is hidden.
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

/** The school's sign-in, told this page's own address: nothing of a link decides where it leads back to.
 * @param {string} login */
function signInAt(login) {
  const target = new URL(login);
  target.searchParams.set("return", location.origin + location.pathname + location.search);
  return target.href;
}

/** @param {string} role */
const isRole = (role) => ["student", "instructor", "operator", "finance", "service"].includes(role);
