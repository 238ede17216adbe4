// @ts-check
/** The form that gives one student one coupon of a batch, with its reason. */

import { h, setText } from "/sdk/element/dom.js";
import { form } from "../shared/form.js";
import { trouble } from "../shared/trouble.js";

/** @import { Host } from "../shared/host.js" */

/** @param {Host} host @param {string} student */
export function issueForm(host, student) {
  const { language } = host;
  const place = h("div");
  const panel = h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("student_issue")),
    place,
  );
  panel.addEventListener("toggle", () => void fillOnce(host, student, place), { once: true });
  return panel;
}

/** @param {Host} host @param {string} student @param {HTMLElement} place */
async function fillOnce(host, student, place) {
  const { language, api } = host;
  try {
    const { batches } = await api.listBatches({ limit: 200 });
    const choices = batches.map(({ id, name }) => /** @type {const} */ ([id, `${name} · ${id}`]));
    const outcome = h("p", { class: "hint", role: "status" });
    const fields = form(
      host,
      [
        {
          name: "batch_id",
          label: language.say("student_issue_batch"),
          type: "select",
          choices,
          isRequired: true,
        },
        {
          name: "reason",
          label: language.say("student_issue_reason"),
          isRequired: true,
          hint: host.mayWrite ? "" : language.say("student_issue_hint"),
        },
      ],
      {
        button: language.say("student_issue_press"),
        bodyOf: ({ batch_id, reason }) => ({ batch_id, reason, students: [student] }),
        send: async (body, idempotencyKey) => {
          const { items = [] } = await api.createIssuance(body, { idempotencyKey });
          const result = items[0]?.outcome;
          if (!result || result === "issued") return host.refresh();
          const why = language.say(`outcome_${result}`);
          setText(outcome, language.say("student_issue_refused", { outcome: why }));
        },
      },
    );
    place.replaceChildren(fields, outcome);
  } catch (fault) {
    place.replaceChildren(trouble(host, fault));
  }
}
