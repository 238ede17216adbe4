// @ts-check
/** The nodes of one coupon card, built once and empty; `card.js` fills them in. */

import { h, icon, icons, show } from "./dom.js";

/**
 * @param {string} nameId of the heading that names the card
 * @param {{claim: () => void, dismiss: () => void, copy: () => void, use: (event: Event) => void}} on
 */
export function cardNodes(nameId, on) {
  const upper = upperNodes(nameId);
  const lower = lowerNodes(on);
  const dismiss = h(
    "button",
    { class: "dismiss", type: "button", onclick: on.dismiss },
    icon(icons.close),
  );
  const root = h(
    "article",
    {
      class: "card",
      "data-new": true,
      "aria-labelledby": nameId,
      onanimationend: () => root.removeAttribute("data-new"),
    },
    upper.upper,
    lower.lower,
    dismiss,
  );
  return { ...upper, ...lower, dismiss, root };
}

/** @param {string} nameId */
function upperNodes(nameId) {
  const name = h("h2", { class: "name", id: nameId });
  const before = h("span", { class: "before" });
  const figure = h("span", { class: "figure" });
  const after = h("span", { class: "after" });
  const conditions = h("ul", { class: "conditions" });
  // Hide artwork that cannot be loaded, so that it leaves no gap.
  const artwork = h("img", {
    class: "artwork",
    alt: "",
    hidden: true,
    onerror: () => show(artwork, false),
  });
  const value = h("p", { class: "value" }, before, figure, after);
  const rehearsal = h("p", { class: "rehearsal", hidden: true });
  const upper = h("div", { class: "upper" }, rehearsal, name, value, conditions, artwork);
  return { upper, rehearsal, name, value, before, figure, after, conditions, artwork };
}

/** @param {Parameters<typeof cardNodes>[1]} on */
function lowerNodes(on) {
  const who = h("span", { class: "who" });
  const words = h("span");
  const message = h("p", { class: "message" }, who, words);
  const details = h("ul", { class: "details" });
  const more = h("summary");
  const fold = h("details", { class: "fold" }, more, details);
  const clockLabel = h("span");
  const clock = h("span", { class: "clock", role: "timer" });
  const clockBox = h("span", null, clockLabel, clock);
  const left = h("span", { class: "left" });
  const figures = h("p", { class: "figures" }, clockBox, left);
  const winners = h("p", { class: "winners", hidden: true });
  const button = h("button", { class: "main claim", type: "button", onclick: on.claim });
  const result = resultNodes(on);
  const lower = h(
    "div",
    { class: "lower" },
    figures,
    result.result,
    winners,
    button,
    message,
    fold,
  );
  return {
    lower,
    who,
    words,
    message,
    details,
    more,
    fold,
    clockLabel,
    clock,
    clockBox,
    left,
    figures,
    winners,
    button,
    ...result,
  };
}

/** @param {Parameters<typeof cardNodes>[1]} on */
function resultNodes(on) {
  const headline = h("p", { class: "headline", tabindex: -1 });
  const note = h("p", { class: "note" });
  const code = h("code");
  const copyText = h("span");
  const copy = h(
    "button",
    { class: "copy", type: "button", onclick: on.copy },
    icon(icons.copy),
    copyText,
  );
  const useText = h("span");
  const useHint = h("span", { class: "spoken" });
  const use = h(
    "a",
    { class: "main use", target: "_blank", rel: "noopener", onclick: on.use },
    useText,
    useHint,
  );
  const owned = h(
    "div",
    { class: "won", hidden: true },
    h("div", { class: "code" }, code, copy),
    use,
  );
  const result = h("div", { class: "result" }, headline, note, owned);
  return { result, headline, note, code, copy, copyText, use, useText, useHint, owned };
}
