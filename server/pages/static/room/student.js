// @ts-check
/** The student's room: the live cards, the status of the connection, and the wallet. */

import "/sdk/room-element.js";
import { show } from "/sdk/element/dom.js";
import { showConnection } from "../shared/connection-status.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { Language } from "../shared/language.js";
import { LinkStatus } from "../shared/link-status.js";
import { keepInvitation, tellInvitation } from "../shared/invite.js";
import { inviteMessages } from "../shared/messages-invite.js";
import { useInNewTab } from "../shared/token.js";
import { Inbox } from "./inbox.js";
import { offerMessages } from "./messages-offers.js";
import { proofMessages } from "./messages-proof.js";
import { Offers } from "./offers.js";
import { Wallet } from "./wallet.js";

/** @typedef {import("/sdk/room-element.js").ClassdropRoom} ClassdropRoom */

const room = document.body.dataset.room ?? "";
const language = new Language({ ...offerMessages, ...inviteMessages, ...proofMessages });
language.switchWith(/** @type {HTMLElement} */ (document.getElementById("language")));

keepInvitation();
const token = admit(`student/${room}`, ["student"], language);
if (token) enter(/** @type {ClassdropRoom} */ (document.getElementById("room")));
else show(/** @type {Element} */ (document.querySelector(".wallet")), false);

/** @param {ClassdropRoom} element */
function enter(element) {
  const sayExpired = expiryNotice(language);
  const expired = () => {
    element.client?.stop();
    sayExpired();
  };
  element.getToken = once(token, expired);
  const { client, reach } = element;
  if (!client || !reach) return;
  showConnection(client, language, new LinkStatus(client, reach), "student");
  const wallet = new Wallet(once(token, expired), language);
  element.addEventListener("classdrop", (event) => {
    const { event: what } = /** @type {CustomEvent} */ (event).detail;
    if (what === "use") useInNewTab(event, token);
    else if (what === "changed") wallet.changed();
    else if (what !== "opened") void wallet.load();
  });
  wallet.onSeal((dropId) => client.state.drops.find(({ id }) => id === dropId)?.seal);
  client.addEventListener("drop_changed", () => wallet.sealed());
  wallet.onRead((coupons) => client.learn(coupons));
  new Offers(client, once(token, expired), language, () => void wallet.load());
  const inbox = new Inbox(once(token, expired), language);
  client.addEventListener("message", (event) => {
    inbox.take(/** @type {CustomEvent} */ (event).detail.message);
    void wallet.load();
  });
  document.getElementById("to-wallet")?.addEventListener("click", (click) => {
    const { href } = /** @type {HTMLAnchorElement} */ (click.currentTarget);
    const open = new CustomEvent("use", { detail: { href }, cancelable: true });
    useInNewTab(open, token);
    if (open.defaultPrevented) click.preventDefault();
  });
  wallet.onUse((event) => useInNewTab(event, token));
  showEmptyRoom(element, client);
  void tellInvitation(token, language);
}

/**
 * Show what will happen in an empty room, but only after the room has said that it is empty.
 * @param {ClassdropRoom} element
 * @param {import("/sdk/client.js").RoomClient} client
 */
function showEmptyRoom(element, client) {
  const empty = /** @type {HTMLElement} */ (document.getElementById("empty"));
  const look = () =>
    show(empty, client.state.status === "live" && element.hasAttribute("data-empty"));
  new MutationObserver(look).observe(element, { attributeFilter: ["data-empty"] });
  client.addEventListener("change", look);
}
