// @ts-check
/** What the form of a trigger asks for. Pure. */

import { instantText } from "../shared/school-time.js";
import { ruleOf } from "./rule-text.js";

/** @import { TriggerForm } from "/sdk/shapes.js" */

/** @param {Record<string, string>} values @returns {TriggerForm} */
export function triggerOf(values) {
  const conditions = ruleOf(values["when.conditions"]);
  const { "then.batch_id": batch, "then.pack_id": pack } = values;
  const { "limits.per_day": perDay, "limits.total": total } = values;
  const { "window.from": from, "window.until": until } = values;
  return {
    name: values.name,
    when: { event: values["when.event"], ...(conditions && { conditions }) },
    then: { ...(batch && { batch_id: batch }), ...(pack && { pack_id: pack }) },
    limits: {
      per_student: Number(values["limits.per_student"]),
      ...(perDay && { per_day: Number(perDay) }),
      ...(total && { total: Number(total) }),
    },
    ...((from || until) && {
      window: {
        ...(from && { from: instantText(from) }),
        ...(until && { until: instantText(until) }),
      },
    }),
  };
}
