// @ts-check
/** The student's room: the live cards, the state of the connection, and the wallet. */

import "/sdk/room-element.js";
import { show } from "/sdk/element/dom.js";
import { askForLink, showConnection } from "./connection.js";
import { Language } from "./language.js";
import { Line } from "./line.js";
import { takeToken, useInNewTab } from "./token.js";
import { Wallet } from "./wallet.js";

/** @typedef {import("/sdk/room-element.js").ClassdropRoom} ClassdropRoom */

const room = document.body.dataset.room ?? "";
const token = takeToken(`student/${room}`);
const language = new Language();
language.switchWith(/** @type {HTMLElement} */ (document.getElementById("language")));

if (token) enter(/** @type {ClassdropRoom} */ (document.getElementById("room")));
else stayOutside();

/** @param {ClassdropRoom} element */
function enter(element) {
  element.getToken = () => token;
  const { client, reach } = element;
  if (!client || !reach) return;
  showConnection(client, language, new Line(client, reach), "student");
  const wallet = new Wallet(token, language);
  element.addEventListener("classdrop", (event) => {
    const { event: what } = /** @type {CustomEvent} */ (event).detail;
    if (what === "use") useInNewTab(event, token);
    else if (what === "changed") wallet.changed();
    else if (what !== "opened") void wallet.load();
  });
  wallet.onRead((coupons) => client.learn(coupons));
  wallet.onUse((event) => useInNewTab(event, token));
  showEmptyRoom(element, client);
}

function stayOutside() {
  askForLink(language);
  show(/** @type {Element} */ (document.querySelector(".wallet")), false);
}

/**
 * An empty room says what will happen here; not before the room has said that it is empty.
 * @param {ClassdropRoom} element
 * @param {import("/sdk/client.js").RoomClient} client
 */
function showEmptyRoom(element, client) {
  const empty = /** @type {HTMLElement} */ (document.getElementById("empty"));
  const look = () => show(empty, client.state.status === "live" && element.hasAttribute("data-empty"));
  new MutationObserver(look).observe(element, { attributeFilter: ["data-empty"] });
  client.addEventListener("change", look);
}
