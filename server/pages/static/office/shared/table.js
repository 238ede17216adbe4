// @ts-check
/** A small table that is there as a whole; `list.js` makes those that are read page by page. */

import { h } from "/sdk/element/dom.js";

/** @import { Child } from "/sdk/element/dom.js" */

/** @param {string} caption @param {readonly string[]} titles @param {readonly (readonly (Child|number)[])[]} rows */
export const table = (caption, titles, rows) =>
  h(
    "div",
    { class: "office-scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      null,
      h("caption", { class: "spoken" }, caption),
      h("thead", null, h("tr", null, ...titles.map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", null, ...rows.map(line)),
    ),
  );

/** @param {readonly (Child|number)[]} cells */
const line = (cells) =>
  h(
    "tr",
    null,
    ...cells.map((cell) =>
      typeof cell === "number" ? h("td", { class: "number" }, String(cell)) : h("td", null, cell),
    ),
  );
