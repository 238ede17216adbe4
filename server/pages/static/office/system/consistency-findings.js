// @ts-check
/** The faults of a look, in words: by kind, with what each is about and what mends it. */

import { h } from "/sdk/element/dom.js";
import { idLink } from "../shared/detail.js";
import { officePages } from "../pages.js";

/** @import { Examination, Finding } from "/sdk/shapes.js" */
/** @import { Child } from "/sdk/element/dom.js" */
/** @import { Host } from "../shared/host.js" */

/** @type {readonly (readonly [keyof Finding, string|null])[]} what a fault is about, and the page that shows it */
const ABOUT = [
  ["drop", null],
  ["room", null],
  ["batch", "coupons"],
  ["campaign", "campaigns"],
  ["issuance", "sends"],
  ["trigger", "triggers"],
  ["lottery", "lotteries"],
  ["student", "students"],
  ["claim", null],
  ["coupon", null],
  ["order", "orders"],
  ["day", null],
];

/** Group faults by kind, in the order in which they come. @param {readonly Finding[]} findings @returns {Map<string, Finding[]>} */
function byKind(findings) {
  /** @type {Map<string, Finding[]>} */
  const groups = new Map();
  for (const one of findings) groups.set(one.kind, [...(groups.get(one.kind) ?? []), one]);
  return groups;
}

/** @param {Host} host @param {Examination} examination */
export function findingsNode(host, { findings, counts }) {
  const groups = [...byKind(findings)].map(([kind, found]) => groupNode(host, kind, found, counts));
  return h("div", { class: "stack" }, ...groups);
}

/** @param {Host} host @param {string} kind @param {Finding[]} found @param {Record<string, number>} counts */
function groupNode({ language }, kind, found, counts) {
  const rest = (counts[kind] ?? found.length) - found.length;
  const canRepair = found.some((one) => one.can_repair);
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, language.say(`finding_${kind}`)),
    h(
      "p",
      { class: canRepair ? "chip" : "chip warn" },
      language.say(canRepair ? "consistency_can" : "consistency_person"),
    ),
    h("ul", { class: "stack" }, ...found.map((one) => findingNode(language, one))),
    rest > 0 && h("p", { class: "hint" }, language.say("consistency_more", { n: rest })),
    h("p", null, language.say("consistency_todo"), language.say(`finding_todo_${kind}`)),
  );
}

const PAGES = new Set(officePages.map(({ name }) => name));

/** @param {Host["language"]} language @param {Finding} finding */
function findingNode(language, finding) {
  const about = ABOUT.flatMap(([name, page]) => {
    const id = finding[name];
    if (typeof id !== "string") return [];
    /** @type {Child} */
    const shown = page && PAGES.has(page) ? idLink(page, id) : id;
    return [h("span", null, language.say(`finding_about_${name}`), " ", shown)];
  });
  return h(
    "li",
    { class: "office-finding" },
    h("p", { class: "hint office-row" }, ...about),
    serverWords(language, finding.what),
  );
}

/**
 * The server's own words, which are English and have the figures: on a Chinese page folded, below our words.
 * @param {Host["language"]} language @param {string} what
 */
export function serverWords(language, what) {
  const words = h("span", { lang: "en" }, what);
  if (language.current === "en") return words;
  return h("details", null, h("summary", null, language.say("consistency_detail")), words);
}
