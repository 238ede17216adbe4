// @ts-check
/** Triggers: the list; one with its rule, its last runs, a dry run, and its start and pause. */

import { fill, h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { detail, idLink } from "../shared/detail.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { metadataPart } from "../shared/metadata.js";
import { triggerMessages } from "./messages-triggers.js";
import { ruleText } from "./rule-text.js";
import { sendMessages } from "../sends/messages-sends.js";
import { timeText } from "../shared/time-text.js";
import { EVENTS, triggerForm } from "./trigger-form.js";

/** @import { Trigger, TriggerDryRun } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add({ ...sendMessages, ...triggerMessages });
  return view.id
    ? triggerPage(host, view, await host.api.getTrigger(view.id))
    : h(
        "div",
        { class: "office-section" },
        host.mayWrite && triggerForm(host),
        triggerList(host, view),
      );
}

/** @param {Host} host @param {OfficeView} view */
function triggerList(host, view) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("triggers_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("trigger_name"), value: (row) => row.name },
      {
        title: language.say("trigger_state"),
        value: (row) => row.state,
        show: (row) => language.say(`trigger_${row.state}`),
      },
      {
        title: language.say("trigger_event"),
        value: (row) => row.when.event,
        show: (row) => eventText(host, row.when.event),
      },
      { title: language.say("trigger_if"), value: (row) => ruleText(row.when.conditions) },
      { title: language.say("trigger_fired"), value: (row) => row.fired, isNumber: true },
    ],
    load: async (after) => {
      const { triggers, next } = await host.api.listTriggers({ limit: 50, after });
      return { rows: triggers, next };
    },
    empty: h("p", null, language.say("triggers_empty")),
  });
}

/** @param {Host} host @param {OfficeView} view @param {Trigger} trigger */
function triggerPage(host, view, trigger) {
  const { language } = host;
  const { when, then, limits, window = {} } = trigger;
  const count = (/** @type {number|undefined} */ value) => (value ? String(value) : null);
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, trigger.name),
    detail([
      [language.say("trigger_id"), trigger.id],
      [language.say("trigger_state"), language.say(`trigger_${trigger.state}`)],
      [language.say("trigger_event"), eventText(host, when.event)],
      [language.say("trigger_if"), ruleText(when.conditions)],
      [language.say("trigger_batch"), then.batch_id && idLink("coupons", then.batch_id)],
      [language.say("trigger_pack"), then.pack_id && idLink("packs", then.pack_id)],
      [language.say("trigger_per_student"), count(limits.per_student)],
      [language.say("trigger_per_day"), count(limits.per_day)],
      [language.say("trigger_total"), count(limits.total)],
      [language.say("trigger_from"), timeText(host, window.from)],
      [language.say("trigger_until"), timeText(host, window.until)],
      [language.say("trigger_fired"), String(trigger.fired)],
      [language.say("trigger_version"), String(trigger.version)],
      [language.say("trigger_made"), timeText(host, trigger.created_at)],
    ]),
    host.mayWrite && trigger.state !== "ended" && buttons(host, trigger),
    host.mayWrite && dryRun(host, trigger),
    metadataPart(host, trigger, {
      read: () => host.api.getTrigger(trigger.id),
      write: (metadata) => host.api.editTrigger(trigger.id, { metadata }),
    }),
    h("h3", null, language.say("trigger_runs")),
    runs(host, view, trigger),
  );
}

/** @param {Host} host @param {Trigger} trigger */
function buttons(host, { id, state }) {
  const { language, api } = host;
  const activate = (/** @type {boolean} */ catchUp) => async () => {
    await api.activateTrigger(id, { catch_up: catchUp });
  };
  return actButtons(host, [
    state !== "active" && { text: language.say("trigger_activate"), act: activate(false) },
    state === "paused" && { text: language.say("trigger_catch_up"), act: activate(true) },
    state === "active" && {
      text: language.say("trigger_pause"),
      ask: language.say("trigger_pause_ask"),
      isDanger: true,
      act: async (reason) => {
        await api.pauseTrigger(id, reason);
      },
    },
  ]);
}

/** @param {Host} host @param {Trigger} trigger */
function dryRun(host, trigger) {
  const { language } = host;
  const said = h("div", { role: "status" });
  const node = form(
    host,
    [
      {
        name: "days",
        label: language.say("trigger_dry_days"),
        type: "number",
        value: "7",
        isRequired: true,
      },
    ],
    {
      button: language.say("trigger_dry"),
      bodyOf: ({ days }) => ({ days: Number(days) }),
      send: async ({ days }) =>
        fill(said, dryNode(host, await host.api.dryRunTrigger(trigger.id, days))),
    },
  );
  return h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("trigger_dry")),
    h("p", { class: "hint" }, language.say("trigger_dry_hint")),
    node,
    said,
  );
}

/** @param {Host} host @param {TriggerDryRun} run */
function dryNode({ language }, { events, fulfilled, issued, students, sample, complete }) {
  return h(
    "div",
    { class: "stack" },
    h("p", null, language.say("trigger_dry_result", { events, fulfilled, issued, students })),
    sample.length > 0 &&
      h(
        "p",
        { class: "hint" },
        language.say("trigger_dry_sample", { students: sample.join(", ") }),
      ),
    !complete && h("p", { class: "hint" }, language.say("trigger_dry_part")),
  );
}

/** @param {Host} host @param {OfficeView} view @param {Trigger} trigger */
function runs(host, view, trigger) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("trigger_runs"),
    columns: [
      {
        title: language.say("run_at"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
      {
        title: language.say("run_id"),
        value: (row) => row.id,
        show: (row) => idLink("sends", row.id),
      },
      { title: language.say("run_state"), value: (row) => language.say(`send_is_${row.state}`) },
      { title: language.say("run_asked"), value: (row) => row.asked, isNumber: true },
      { title: language.say("run_issued"), value: (row) => row.issued, isNumber: true },
      { title: language.say("run_refused"), value: (row) => row.refused, isNumber: true },
    ],
    load: async (after) => {
      const query = { limit: 20, after, source_id: trigger.id };
      const { issuances, next } = await host.api.listIssuances(query);
      return { rows: issuances, next };
    },
    empty: h("p", null, language.say("trigger_runs_empty")),
  });
}

/** @param {Host} host @param {string} event */
const eventText = ({ language }, event) =>
  EVENTS.includes(event) ? language.say(`trigger_event_${event}`) : event;
