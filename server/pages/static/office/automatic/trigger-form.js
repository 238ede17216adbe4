// @ts-check
/** The form that makes a trigger. */

import { h } from "/sdk/element/dom.js";
import { form } from "../shared/form.js";
import { triggerOf } from "./trigger-body.js";

/** @import { Host } from "../shared/host.js" */
/** @import { Field } from "../shared/form-field.js" */

/** The types of events that Classdrop knows; a school may have others. */
export const EVENTS = [
  "lesson_finished",
  "signed_up",
  "logged_in",
  "viewed_course",
  "redemption.redeemed",
  "redemption.refunded",
];

/** @param {Host} host */
export function triggerForm(host) {
  const { language } = host;
  const text = (/** @type {string} */ name) => language.say(`trigger_${name}`);
  /** @type {Field[]} */
  const fields = [
    { name: "name", label: text("name"), isRequired: true, max: 60 },
    {
      name: "when.event",
      label: text("event"),
      isRequired: true,
      hint: text("event_hint"),
      choices: EVENTS.map((event) => [event, text(`event_${event}`)]),
    },
    {
      name: "when.conditions",
      label: text("conditions"),
      type: "textarea",
      isWide: true,
      hint: text("conditions_hint"),
    },
    { name: "then.batch_id", label: text("batch") },
    { name: "then.pack_id", label: text("pack") },
    {
      name: "limits.per_student",
      label: text("per_student"),
      type: "number",
      value: "1",
      isRequired: true,
    },
    { name: "limits.per_day", label: text("per_day"), type: "number" },
    { name: "limits.total", label: text("total"), type: "number" },
    { name: "window.from", label: text("from"), type: "datetime-local" },
    { name: "window.until", label: text("until"), type: "datetime-local" },
  ];
  const node = form(host, fields, {
    button: text("create"),
    bodyOf: triggerOf,
    send: async (body, idempotencyKey) => {
      const { id } = await host.api.createTrigger(body, { idempotencyKey });
      host.go({ page: "triggers", id });
    },
  });
  return h("details", { class: "panel" }, h("summary", null, text("new")), node);
}
