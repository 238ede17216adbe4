// @ts-check
/** Consistency: what the newest look for faults has found, in words, with a repair. A worker does the work. */

import { fill, h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { findingsNode, serverWords } from "./consistency-findings.js";
import { detail } from "../shared/detail.js";
import { consistencyMessages } from "./messages-consistency.js";
import { findingMessages } from "./messages-findings.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";

/** @import { Consistency, Examination, Job } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

const AGAIN_MS = 2_000;

/** @param {Host} host */
export async function open(host) {
  host.language.add({ ...consistencyMessages, ...findingMessages });
  const body = h("div", { class: "office-section", "aria-live": "polite" });
  const now = await host.api.getConsistency();
  draw(host, body, now);
  return body;
}

/** @param {Host} host @param {HTMLElement} body @param {Consistency} now */
function draw(host, body, now) {
  const { language } = host;
  const isRunning = now.job?.state === "queued" || now.job?.state === "running";
  fill(
    body,
    h("p", { class: "hint" }, language.say("consistency_hint")),
    isRunning
      ? h("p", { class: "chip" }, language.say(`consistency_${now.job?.state}`))
      : host.mayWrite && buttons(host),
    now.job?.state === "failed" && failed(host, now.job),
    now.latest
      ? resultNode(host, now.latest)
      : h("div", { class: "office-empty" }, language.say("consistency_none")),
  );
  if (isRunning) setTimeout(() => void readAgain(host, body), AGAIN_MS);
}

/** Go on while the page is shown. @param {Host} host @param {HTMLElement} body */
async function readAgain(host, body) {
  if (!body.isConnected) return;
  try {
    draw(host, body, await host.api.getConsistency());
  } catch (fault) {
    fill(body, trouble(host, fault));
  }
}

/** @param {Host} host */
function buttons(host) {
  const { language, api } = host;
  const ask = async (/** @type {import("/sdk/shapes.js").ExamineForm} */ form) => {
    await api.examine(form);
  };
  return actButtons(host, [
    { text: language.say("consistency_look"), act: () => ask({ repair: false }) },
    {
      text: language.say("consistency_repair"),
      ask: language.say("consistency_repair_ask"),
      isDanger: true,
      act: (reason) => ask({ repair: true, reason }),
    },
  ]);
}

/** @param {Host} host @param {Job} job */
const failed = ({ language }, { error = "" }) =>
  h("p", { class: "trouble" }, language.say("consistency_failed", { error }));

/** @param {Host} host @param {Examination} latest */
function resultNode(host, latest) {
  const { language } = host;
  const { drops, open_drops: openDrops, batches } = latest.looked_at;
  const total = Object.values(latest.counts).reduce((sum, count) => sum + count, 0);
  return h(
    "div",
    { class: "office-section" },
    h(
      "p",
      { class: latest.ok ? "panel office-well" : "trouble" },
      language.say(latest.ok ? "consistency_well" : "consistency_wrong", { n: total }),
    ),
    detail([
      [language.say("consistency_done_at"), timeText(host, latest.done_at)],
      [language.say("consistency_asked_by"), latest.asked_by],
      [language.say("consistency_kind"), language.say(`consistency_kind_${latest.kind}`)],
      [language.say("consistency_reason"), latest.reason],
      [
        language.say("consistency_size"),
        language.say("consistency_size_text", { drops, open: openDrops, batches }),
      ],
    ]),
    latest.findings.length > 0 && h("h3", null, language.say("consistency_findings")),
    latest.findings.length > 0 && findingsNode(host, latest),
    latest.repairs.length > 0 && repairs(host, latest),
  );
}

/** @param {Host} host @param {Examination} latest */
function repairs({ language }, latest) {
  const row = (/** @type {Examination["repairs"][number]} */ { what, done }) =>
    h(
      "li",
      null,
      h("strong", null, language.say(done ? "consistency_is_done" : "consistency_not_done")),
      " ",
      serverWords(language, what),
    );
  return h(
    "section",
    { class: "panel stack" },
    h("h3", null, language.say("consistency_repairs")),
    h("ul", { class: "stack" }, ...latest.repairs.map(row)),
  );
}
