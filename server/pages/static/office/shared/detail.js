// @ts-check
/** A list of facts. An id is a link to its page: pass `idLink`. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "./address.js";

/** @import { Child } from "/sdk/element/dom.js" */

/** @param {readonly (readonly [name: string, value: Child])[]} facts those without a value are left out */
export function detail(facts) {
  const shown = facts.filter(([, value]) => Boolean(value));
  return h(
    "dl",
    { class: "office-facts" },
    ...shown.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
  );
}

/** @param {string} page @param {string} id @param {string} [text] */
export const idLink = (page, id, text = id) => h("a", { href: addressOf({ page, id }) }, text);
