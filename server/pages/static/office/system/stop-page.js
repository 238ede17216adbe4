// @ts-check
/** The red switch: stops claims, use or both at once, says what is stopped, and resumes. */

import { h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { addressOf } from "../shared/address.js";
import { detail } from "../shared/detail.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { stopMessages } from "./messages-stop.js";
import { stopForm } from "./stop-form.js";
import { timeText } from "../shared/time-text.js";

/** @import { Stop } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(stopMessages);
  const { language } = host;
  const now = await host.api.getStop();
  return h(
    "div",
    { class: "office-section" },
    h("p", { class: "hint" }, language.say("stop_hint")),
    everything(host, now),
    host.mayWrite && stopForm(host, view.filters),
    host.mayWrite && resumeForm(host),
    h("h3", null, language.say("stop_instructors")),
    instructors(host, view),
    logLinks(host),
  );
}

/** @param {Host} host @param {Stop} now */
function everything(host, now) {
  const { language, api } = host;
  const stateOf = (/** @type {boolean} */ isStopped) =>
    h(
      "strong",
      { class: isStopped ? "danger" : "" },
      language.say(isStopped ? "stop_is_stopped" : "stop_is_on"),
    );
  const isStopped = now.claims || now.use;
  return h(
    "section",
    { class: "office-section" },
    h("h3", null, language.say("stop_now")),
    detail([
      [language.say("stop_claims"), stateOf(now.claims)],
      [language.say("stop_use"), stateOf(now.use)],
      [
        language.say("stop_by"),
        now.changed_by && `${now.changed_by}, ${timeText(host, now.changed_at)}`,
      ],
      [language.say("stop_reason"), now.reason],
    ]),
    host.mayWrite &&
      isStopped &&
      actButtons(host, [
        {
          text: language.say("stop_resume"),
          ask: language.say("stop_resume_all_ask"),
          act: async (reason) => {
            await api.resumeEverything({ claims: true, use: true, reason });
          },
        },
      ]),
  );
}

/** @param {Host} host */
function resumeForm(host) {
  const { language, api } = host;
  const node = form(
    host,
    [
      {
        name: "what",
        label: language.say("stop_what"),
        type: "select",
        choices: ["batch", "campaign"].map((kind) => [kind, language.say(`stop_${kind}`)]),
      },
      { name: "id", label: language.say("stop_id"), isRequired: true },
      { name: "reason", label: language.say("stop_reason_kept"), isRequired: true, max: 200 },
    ],
    {
      button: language.say("stop_resume"),
      bodyOf: (values) => values,
      send: async ({ what, id, reason }) => {
        const body = { claims: true, use: true, reason };
        await (what === "batch" ? api.resumeBatch(id, body) : api.resumeCampaign(id, body));
        host.refresh();
      },
    },
  );
  return h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("stop_resume_one")),
    node,
  );
}

/** @param {Host} host @param {OfficeView} view */
function instructors(host, view) {
  const { language, api } = host;
  return list(host, view, {
    caption: language.say("stop_instructors"),
    columns: [
      { title: language.say("stop_instructor_name"), value: (row) => row.instructor },
      { title: language.say("stop_reason"), value: (row) => row.reason },
      {
        title: language.say("stop_since"),
        value: (row) => row.changed_at,
        show: (row) => timeText(host, row.changed_at),
      },
      {
        title: language.say("stop_resume"),
        value: () => "",
        show: (row) =>
          host.mayWrite &&
          actButtons(host, [
            {
              text: language.say("stop_resume"),
              ask: language.say("stop_resume_ask"),
              act: async (reason) => {
                await api.resumeInstructor(row.instructor, reason);
              },
            },
          ]),
      },
    ],
    load: async (after) => {
      const { instructors: rows, next } = await api.listStoppedInstructors({ limit: 50, after });
      return { rows, next };
    },
    empty: h("p", null, language.say("stop_instructors_empty")),
  });
}

/** @param {Host} host */
function logLinks({ language }) {
  const kinds = ["all", "campaign", "batch", "instructor"];
  const links = kinds.map((kind) =>
    h(
      "a",
      { href: addressOf({ page: "acts", filters: { action: `${kind}.stopped` } }) },
      language.say(`stop_log_${kind}`),
    ),
  );
  return h("p", { class: "office-row" }, `${language.say("stop_log")}: `, ...links);
}
