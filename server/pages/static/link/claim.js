// @ts-check
/**
 * The claim page of a link, and that of a ticket of the changing QR code. It shows the card to everybody; whoever presses the button without a token goes to
 * the school's sign-in, comes back with one, and the claim that they pressed for is sent.
 */

import "/sdk/offer-element.js";
import { setText, show } from "/sdk/element/dom.js";
import { signInAt } from "../shared/access.js";
import { keepInvitation, tellInvitation } from "../shared/invite.js";
import { Language } from "../shared/language.js";
import { inviteMessages } from "../shared/messages-invite.js";
import { claimsOf, takeToken, useInNewTab } from "../shared/token.js";
import { linkMessages } from "./messages-link.js";

/** @typedef {import("/sdk/offer-element.js").ClassdropOffer} ClassdropOffer */

const place = document.getElementById("ticket");
const offer = place
  ? ofTicket(place)
  : /** @type {ClassdropOffer} */ (document.getElementById("offer"));
// A ticket is another one after the next scan; who is signed in stays so.
const link = offer.getAttribute("link") ?? "ticket";
const login = document.body.dataset.login ?? "";
const pressed = `classdrop.pressed.${link}`;
const language = new Language({ ...linkMessages, ...inviteMessages });
language.switchWith(/** @type {HTMLElement} */ (document.getElementById("language")));

keepInvitation();
let token = takeToken(`link/${link}`);
let state = "loading";
let reason = "";
/** @type {string} */
let trouble = "";

offer.getToken = () => token;
offer.addEventListener("classdrop", (event) => {
  const { detail } = /** @type {CustomEvent} */ (event);
  if (detail.event === "state") stateChanged(detail.state, detail.reason ?? "");
  else if (detail.event === "sign_in") signIn();
  else if (detail.event === "use") useInNewTab(event, token);
  else trouble = "";
  draw();
});
language.addEventListener("change", draw);
draw();
if (token) void tellInvitation(token, language);

/** @param {string} now @param {string} why */
function stateChanged(now, why) {
  const isFirst = state === "loading";
  [state, reason] = [now, why];
  if (isFirst && token && recall()) void offer.claim();
}

function signIn() {
  token = "";
  if (!login) {
    trouble = "link_no_sign_in";
    return;
  }
  remember();
  location.assign(signInAt(login));
}

function draw() {
  offer.setAttribute("lang", language.current);
  const isOver = ["ended", "paused", "exhausted", "expired", "missing"].includes(state);
  const ended = /** @type {HTMLElement} */ (document.getElementById("ended"));
  show(ended, isOver);
  if (isOver) setText(ended, language.say(whyOver()));
  const box = /** @type {HTMLElement} */ (document.getElementById("trouble"));
  show(box, Boolean(trouble));
  if (trouble) setText(box, language.say(trouble));
  const hint = /** @type {HTMLElement} */ (document.getElementById("hint"));
  const isVisitor = !token && state === "active" && !trouble;
  show(hint, isVisitor);
  if (isVisitor) setText(hint, language.say("link_sign_in_first"));
  document.body.dataset.student = token ? (claimsOf(token).sub ?? "") : "";
}

function whyOver() {
  if (place) return `ticket_${state}`;
  return state === "ended" ? `link_ended_${reason || "ended"}` : `link_${state}`;
}

/** Put the offer of the ticket in the address into its place.
 * @param {HTMLElement} empty @returns {ClassdropOffer} */
function ofTicket(empty) {
  const made = /** @type {ClassdropOffer} */ (document.createElement("classdrop-offer"));
  made.id = "offer";
  made.setAttribute("ticket", decodeURIComponent(location.pathname.slice("/q/".length)));
  empty.replaceWith(made);
  return made;
}

/** Note that the button was pressed, for this tab only: a shared address claims nothing. */
function remember() {
  try {
    sessionStorage.setItem(pressed, "1");
  } catch {
    // Storage is forbidden: the button has to be pressed again.
  }
}

function recall() {
  try {
    const was = sessionStorage.getItem(pressed);
    sessionStorage.removeItem(pressed);
    return was === "1";
  } catch {
    return false;
  }
}
