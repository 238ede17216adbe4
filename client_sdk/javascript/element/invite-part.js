// @ts-check
/** A student's own link on the card of a task to invite: the address, to copy it or to share it. */

import { h, setText } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./words.js").Language} Language */

/**
 * Return the link's nodes. The button to share is there only where the browser can.
 * @param {string} link
 * @param {Language} language
 * @returns {HTMLElement[]}
 */
export function inviteNodes(link, language) {
  const address = h("code", { class: "invite-link" }, link);
  const copyText = h("span", { "aria-live": "polite" }, say(language, "copy_link"));
  const copy = h("button", { class: "main copy-link", type: "button" }, copyText);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(link);
      setText(copyText, say(language, "link_copied"));
    } catch {
      // A frame without the permission cannot copy. The address is selectable, and the text says so.
      setText(copyText, say(language, "copy_link_by_hand"));
    }
  });
  const acts = h("div", { class: "invite-acts" }, copy);
  if (typeof navigator.share === "function") acts.append(shareButton(link, language));
  return [address, acts];
}

/** @param {string} link @param {Language} language */
function shareButton(link, language) {
  const share = () => {
    // Who closes the sheet again has decided; that is no error.
    navigator.share({ url: link }).catch(() => {});
  };
  return h("button", { type: "button", onclick: share }, say(language, "share_link"));
}
