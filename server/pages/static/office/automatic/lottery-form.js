// @ts-check
/** The form that makes a lottery: up to five prizes. What is left of the odds is for nothing. */

import { h } from "/sdk/element/dom.js";
import { form } from "../shared/form.js";
import { FACES, lotteryOf, PLACES, POLICIES } from "./lottery-body.js";

/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host */
export function lotteryForm(host) {
  const { language } = host;
  const text = (/** @type {string} */ name) => language.say(`lottery_${name}`);
  const node = form(
    host,
    [
      { name: "name", label: text("name"), isRequired: true, max: 60 },
      {
        name: "face",
        label: text("face"),
        type: "select",
        choices: FACES.map((face) => [face, text(`face_${face}`)]),
      },
      {
        name: "empty_policy",
        label: text("empty_policy"),
        type: "select",
        choices: POLICIES.map((policy) => [policy, text(`policy_${policy}`)]),
      },
      {
        name: "chances.per_student",
        label: text("per_student"),
        type: "number",
        value: "1",
        isRequired: true,
      },
      { name: "chances.per_day", label: text("per_day"), type: "number" },
      { name: "window.from", label: text("from"), type: "datetime-local" },
      { name: "window.until", label: text("until"), type: "datetime-local" },
      ...PLACES.flatMap((place) => placeFields(host, place)),
      { name: "legal", label: text("legal"), type: "textarea", isWide: true, hint: text("rest") },
    ],
    {
      button: text("create"),
      bodyOf: lotteryOf,
      send: async (body, idempotencyKey) => {
        const { id } = await host.api.createLottery(body, { idempotencyKey });
        host.go({ page: "lotteries", id });
      },
    },
  );
  return h("details", { class: "panel" }, h("summary", null, text("new")), node);
}

/** @param {Host} host @param {number} place @returns {Field[]} */
function placeFields({ language }, place) {
  const n = place + 1;
  const isShown = (/** @type {Record<string, string>} */ values) =>
    place === 0 || Boolean(values[`prizes.${place - 1}.batch_id`]);
  const isRequired = place === 0;
  return [
    {
      name: `prizes.${place}.batch_id`,
      label: language.say("lottery_place_batch", { n }),
      isRequired,
      isShown,
    },
    {
      name: `prizes.${place}.ppm`,
      label: language.say("lottery_place_percent", { n }),
      type: "number",
      isRequired,
      isShown,
    },
    {
      name: `prizes.${place}.quantity`,
      label: language.say("lottery_place_quantity", { n }),
      type: "number",
      isShown,
    },
  ];
}
