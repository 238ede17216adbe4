// @ts-check
/** The QR code of a link, large enough to print: to look at, to save, and its address to copy. */

import { h, setText } from "/sdk/element/dom.js";
import { saveFile } from "../shared/csv.js";
import { trouble } from "../shared/trouble.js";

/** @import { Link } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

const PRINTED_PX = 1024;

/** @param {Host} host @param {Link} link */
export async function showQr(host, link) {
  const { api, language } = host;
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));
  const place = h("div", { class: "qr-paper", "aria-busy": "true" });
  const copied = h("span", { class: "hint", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link.url);
      setText(copied, language.say("qr_copied"));
    } catch {
      setText(copied, language.say("qr_copy_by_hand")); // without the permission
    }
  };
  const button = (/** @type {string} */ word, /** @type {() => void} */ press) =>
    h("button", { class: "plain-button", type: "button", onclick: press }, language.say(word));
  const save = button("qr_save", () =>
    saveFile(`${link.slug}.svg`, place.dataset.svg ?? "", "image/svg+xml"),
  );
  save.disabled = true;
  dialog.returnValue = "";
  dialog.replaceChildren(
    h(
      "div",
      { class: "stack" },
      h("h2", { id: "dialog-title" }, `${language.say("link_qr")} · ${link.channel}`),
      place,
      h("code", { class: "qr-address" }, link.url),
      copied,
      h(
        "div",
        { class: "office-row" },
        save,
        button("qr_copy", () => void copy()),
        button("qr_close", () => dialog.close()),
      ),
    ),
  );
  dialog.showModal();
  try {
    const svg = await api.linkQr(link.id, PRINTED_PX);
    const image = h("img", {
      alt: language.say("qr_alt", { url: link.url }),
      src: `data:image/svg+xml;base64,${btoa(svg)}`,
    });
    place.replaceChildren(image);
    place.dataset.svg = svg;
    save.disabled = false;
  } catch (fault) {
    place.replaceChildren(trouble(host, fault));
  }
  place.removeAttribute("aria-busy");
}
