// @ts-check
/** The form that starts an experiment with two or three batches. */

import { h } from "/sdk/element/dom.js";
import { experimentOf, NUMBERS } from "./experiment-values.js";
import { form } from "../shared/form.js";

/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host */
export async function experimentForm(host) {
  const { language } = host;
  const { batches } = await host.api.listBatches({ limit: 200 });
  /** @type {[string, string][]} */
  const choices = [["", "–"], ...batches.map(batchChoice)];
  const node = form(
    host,
    [
      { name: "name", label: language.say("experiment_name"), isRequired: true, max: 60 },
      {
        name: "hold_out",
        label: language.say("experiment_hold_out_field"),
        type: "number",
        value: "0",
        max: 90,
      },
      ...NUMBERS.flatMap((number) => variantFields(host, number, choices)),
    ],
    {
      button: language.say("experiment_start"),
      bodyOf: experimentOf,
      send: async (body, idempotencyKey) => {
        const { id } = await host.api.startExperiment(body, { idempotencyKey });
        host.go({ page: "experiments", id });
      },
    },
  );
  return h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("experiment_new")),
    h("p", { class: "hint" }, language.say("experiment_hint")),
    node,
  );
}

/** @param {{id: string, name: string}} batch @returns {[string, string]} */
const batchChoice = ({ id, name }) => [id, `${name} (${id})`];

/** @param {Host} host @param {number} number @param {[string, string][]} choices @returns {Field[]} */
const variantFields = ({ language }, number, choices) => [
  {
    name: `variants.${number}.batch_id`,
    label: language.say("experiment_batch", { n: number + 1 }),
    type: "select",
    choices,
  },
  {
    name: `variants.${number}.share`,
    label: language.say("experiment_share", { n: number + 1 }),
    type: "number",
    value: number < 2 ? "50" : "",
    max: 100,
  },
];
