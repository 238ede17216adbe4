// @ts-check
/** Experiments: the list, a form that starts one, and one experiment with its groups and how they differ. */

import { h } from "/sdk/element/dom.js";
import { detail } from "../shared/detail.js";
import { experimentForm } from "./experiment-form.js";
import { figuresPart, intervalsPart } from "./experiment-result.js";
import { list } from "../shared/list.js";
import { metadataNode } from "../shared/metadata.js";
import { experimentMessages } from "./messages-experiments.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";

/** @import { Experiment, ExperimentResult } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(experimentMessages);
  if (view.id) return experimentPage(host, await host.api.getExperiment(view.id));
  return h(
    "div",
    { class: "office-section" },
    host.mayWrite && (await experimentForm(host)),
    experimentList(host, view),
  );
}

/** @param {Host} host @param {OfficeView} view */
function experimentList(host, view) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("experiments_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("experiment_name"), value: (row) => row.name },
      {
        title: language.say("experiment_state"),
        value: (row) => language.say(`experiment_${row.state}`),
      },
      {
        title: language.say("experiment_groups"),
        value: (row) => row.variants.length,
        isNumber: true,
      },
      {
        title: language.say("experiment_hold_out"),
        value: (row) => row.hold_out,
        show: (row) => `${row.hold_out} %`,
        isNumber: true,
      },
      {
        title: language.say("experiment_started"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after) => {
      const { experiments, next } = await host.api.listExperiments({ limit: 50, after });
      return { rows: experiments, next };
    },
    empty: h("p", null, language.say("experiments_empty")),
  });
}

/** @param {Host} host @param {ExperimentResult} found */
async function experimentPage(host, found) {
  const { language } = host;
  const names = await batchNames(host, found);
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, found.name),
    found.alarm &&
      h(
        "p",
        { class: "trouble", role: "alert" },
        language.say("experiment_alarm", {
          exposed: found.alarm.exposed.join(" / "),
          expected: found.alarm.expected.join(" / "),
        }),
      ),
    detail([
      [language.say("experiment_id"), found.id],
      [language.say("experiment_state"), language.say(`experiment_${found.state}`)],
      [language.say("experiment_started"), timeText(host, found.created_at)],
      [language.say("experiment_ended"), found.ended_at ? timeText(host, found.ended_at) : null],
      [language.say("experiment_hold_out"), `${found.hold_out} %`],
    ]),
    metadataNode(host, found.metadata),
    figuresPart(host, found, names),
    intervalsPart(host, found, names),
    host.mayWrite && found.state === "running" && endButton(host, found),
  );
}

/**
 * The names of its batches by id; the id where a name cannot be read.
 *
 * @param {Host} host @param {Experiment} found @returns {Promise<Map<string|null, string>>}
 */
async function batchNames(host, found) {
  /** @type {Map<string|null, string>} */
  const names = new Map([[null, host.language.say("experiment_held_out")]]);
  const nameOf = async (/** @type {string} */ id, /** @type {number} */ number) => {
    const { name } = await host.api.getBatch(id).catch(() => ({ name: id }));
    names.set(id, `${"ABCDEFGHIJ"[number]}. ${name}`); // two batches may have one name
  };
  await Promise.all(found.variants.map(({ batch_id }, number) => nameOf(batch_id, number)));
  return names;
}

/** @param {Host} host @param {ExperimentResult} found */
function endButton(host, found) {
  const { language, api } = host;
  const problem = h("div");
  const button = h(
    "button",
    { class: "plain-button danger", type: "button", onclick: () => void press() },
    language.say("experiment_end"),
  );
  let isSure = false;
  const press = async () => {
    if (!isSure) {
      isSure = true;
      button.textContent = language.say("experiment_end_sure");
      return;
    }
    try {
      await api.endExperiment(found.id);
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  return h("div", { class: "stack" }, problem, h("div", { class: "office-row" }, button));
}
