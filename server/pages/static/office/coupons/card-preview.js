// @ts-check
/** The card as a student will see it, made by the SDK's own card. It shows only; what it says stands below as text. */

import { CouponCard } from "/sdk/element/card.js";
import { dropFacts } from "/sdk/element/card-view.js";
import { fill, h } from "/sdk/element/dom.js";
import { dress } from "/sdk/element/style.js";

/** @import { Discount, Drop, TemplateForm } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

const OPEN_MS = 10 * 60_000;
const nothing = () => {};

/** @param {Host} host @returns {{node: HTMLElement, show: (template: TemplateForm, quantity: number) => void}} */
export function cardPreview({ language }) {
  const box = h("div", { class: "card-preview", scheme: "auto", compact: true, inert: true });
  const root = box.attachShadow({ mode: "open" });
  dress(root);
  const place = h("div", { class: "cards" });
  root.append(place);
  const words = h("p", { class: "hint" });
  const node = h(
    "section",
    { class: "stack coupon-preview", "aria-label": language.say("preview_title") },
    h("h4", null, language.say("preview_title")),
    box,
    words,
  );
  return {
    node,
    show(template, quantity) {
      const drop = previewDrop(template, quantity, Date.now());
      const card = new CouponCard(drop, { claim: nothing, dismiss: nothing, use: nothing });
      card.root.removeAttribute("data-new"); // it does not arrive anew with each letter
      card.update(drop, undefined, { now: Date.now() }, language.current, () => "");
      fill(place, card.root);
      const { value, conditions, details } = dropFacts(drop, language.current);
      fill(words, [value, ...conditions, ...details].filter(Boolean).join(" · "));
    },
  };
}

/** Figures that are not filled in yet are shown as 0; what is sent keeps them. @param {Discount} discount */
export const withFigures = (discount) =>
  /** @type {Discount} */ (
    JSON.parse(JSON.stringify(discount), (_name, value) => value ?? 0) // NaN is null in JSON
  );

/** The drop of a card that nobody opens. @param {TemplateForm} template @param {number} quantity @param {number} now */
export function previewDrop(template, quantity, now) {
  return /** @type {Drop} */ ({
    ...template,
    discount: withFigures(template.discount),
    id: "preview",
    state: "open",
    message: "",
    mode: "first",
    quantity,
    remaining: quantity,
    opens_at: new Date(now).toISOString(),
    closes_at: new Date(now + OPEN_MS).toISOString(),
  });
}
