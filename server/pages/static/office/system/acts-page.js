// @ts-check
/** Acts: who did what, when and why, found by person, thing, kind and day. */

import { h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { actText, actThings, pageOfId } from "./act-text.js";
import { saveFile } from "../shared/csv.js";
import { idLink } from "../shared/detail.js";
import { list } from "../shared/list.js";
import { actMessages } from "./messages-acts.js";
import { officePages } from "../pages.js";
import { timeText } from "../shared/time-text.js";

/** @import { Act } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

const NAMES = /** @type {const} */ (["actor", "subject", "action", "from", "to"]);

/** @param {Host} host @param {OfficeView} view */
export function open(host, view) {
  host.language.add(actMessages);
  const { language } = host;
  const save = async () => saveFile("acts.csv", await host.api.exportActs(wantedOf(view.filters)));
  return h(
    "div",
    { class: "office-section" },
    h("p", { class: "hint" }, language.say("acts_hint")),
    actList(host, view),
    actButtons(host, [
      {
        text: language.say("act_export"),
        act: async () => {
          await save();
          return h("span");
        },
      },
    ]),
  );
}

/** @param {Host} host @param {OfficeView} view */
function actList(host, view) {
  const { language } = host;
  /** @type {readonly (readonly [string, string])[]} */
  const kinds = [["", language.say("act_any")], ...actThings(language.current)];
  return list(host, view, {
    caption: language.say("acts_caption"),
    filters: [
      { name: "actor", label: language.say("act_actor") },
      { name: "subject", label: language.say("act_subject") },
      { name: "action", label: language.say("act_action"), choices: withChosen(view, kinds) },
      { name: "from", label: language.say("act_from"), type: "date" },
      { name: "to", label: language.say("act_to"), type: "date" },
    ],
    columns: [
      {
        title: language.say("act_at"),
        value: (act) => act.at,
        show: (act) => timeText(host, act.at),
      },
      { title: language.say("act_actor"), value: (act) => act.actor },
      {
        title: language.say("act_action"),
        value: (act) => act.action,
        show: (act) => actText(act.action, language.current),
      },
      {
        title: language.say("act_subject"),
        value: (act) => act.subject,
        show: (act) => subjectNode(act.subject),
      },
      { title: language.say("act_reason"), value: (act) => act.detail.reason ?? "" },
      {
        title: language.say("act_detail"),
        value: detailText,
        show: (act) => h("span", { class: "office-long" }, detailText(act)),
      },
    ],
    load: async (after, filters) => {
      const { acts, next } = await host.api.listActs({ limit: 50, after, ...wantedOf(filters) });
      return { rows: acts, next };
    },
    empty: h("p", null, language.say("acts_empty")),
  });
}

/** A kind that the address names and the list has not, such as `batch.stopped`, can be chosen too.
 * @param {OfficeView} view @param {readonly (readonly [string, string])[]} kinds */
function withChosen({ filters }, kinds) {
  const { action = "" } = filters;
  return kinds.some(([name]) => name === action)
    ? kinds
    : [...kinds, /** @type {const} */ ([action, action])];
}

/** @param {Record<string, string>} filters those of the address that the API knows and that are given */
const wantedOf = (filters) =>
  Object.fromEntries(NAMES.flatMap((name) => (filters[name] ? [[name, filters[name]]] : [])));

const PAGE_NAMES = new Set(officePages.map(({ name }) => name));

/** @param {string} subject */
function subjectNode(subject) {
  const page = pageOfId(subject, PAGE_NAMES);
  return page ? idLink(page, subject) : subject;
}

/** @param {Act} act */
function detailText({ detail }) {
  const { reason: _, ...rest } = detail;
  return Object.keys(rest).length ? JSON.stringify(rest) : "";
}
