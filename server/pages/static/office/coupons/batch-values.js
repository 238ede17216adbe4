// @ts-check
/** A batch as the values of a form, and back. Pure; the server judges. */

import { fieldTime, given, idsIn, numberIn, sameMinute } from "./template-values.js";

/** @import { Batch, BatchEdit, BatchForm } from "/sdk/shapes.js" */
/** @typedef {Record<string, string>} Values */

const MINUTE_SECONDS = 60;

/** Rooms with their quotas, one a line: "algebra-7 300". @param {string} text */
export const roomsIn = (text) =>
  text
    .split(/\n/)
    .map((line) => line.trim().split(/[\s,，]+/))
    .filter(([room]) => room)
    .map(([room, quantity]) => ({ room, ...(quantity && { quantity: Number(quantity) }) }));

/** @param {Values} values @param {string} templateId @returns {BatchForm} */
export function batchOf(values, templateId) {
  const tags = idsIn(values["claim_conditions.tags"] ?? "");
  const isNew = values["claim_conditions.new"] === "yes";
  const rooms = roomsIn(values.rooms ?? "");
  return {
    template_id: templateId,
    quantity: numberIn(values.quantity) ?? null,
    ...given({
      name: values.name,
      channel: values.channel,
      per_student: Number(values.per_student),
      per_person: numberIn(values.per_person),
      per_device: numberIn(values.per_device),
      code_prefix: values.code_prefix,
      hold_seconds: holdOf(values) ?? undefined,
      campaign_id: values.campaign_id,
      rooms: rooms.length ? rooms : undefined,
      claim_window: windowOf(values) ?? undefined,
      claim_conditions:
        tags.length || isNew
          ? { ...(tags.length && { tags }), ...(isNew && { new: true }) }
          : undefined,
      max_per_minute: numberIn(values.max_per_minute),
      remind_before: remindersOf(values) ?? undefined,
    }),
  };
}

/** What differs from the batch, as a change of it. @param {Values} values @param {Batch} seen @returns {BatchEdit} */
export function batchEditOf(values, seen) {
  const before = valuesOfBatch(seen);
  const now = { ...before, ...values };
  /** @type {Record<string, unknown>} */
  const all = {
    name: now.name,
    quantity: numberIn(now.quantity) ?? null,
    channel: now.channel,
    per_student: Number(now.per_student),
    per_person: numberIn(now.per_person) ?? null,
    per_device: numberIn(now.per_device) ?? null,
    code_prefix: now.code_prefix || null,
    hold_seconds: holdOf(now),
    rooms: roomsIn(now.rooms).length ? roomsIn(now.rooms) : null,
    claim_window: windowOf(now, seen.claim_window),
    max_per_minute: numberIn(now.max_per_minute) ?? null,
    remind_before: remindersOf(now),
  };
  const changed = Object.keys(all).filter((name) =>
    Object.keys(now).some(
      (field) => (field === name || field.startsWith(`${name}.`)) && now[field] !== before[field],
    ),
  );
  return {
    ...Object.fromEntries(changed.map((name) => [name, all[name]])),
    ...(changed.includes("quantity") &&
      seen.quantity !== null && { expected_quantity: seen.quantity }),
  };
}

/** @param {Batch} batch @returns {Values} */
export const valuesOfBatch = (batch) => ({
  name: batch.name,
  quantity: String(batch.quantity ?? ""),
  channel: batch.channel,
  per_student: String(batch.per_student),
  per_person: String(batch.per_person),
  per_device: String(batch.per_device ?? ""),
  code_prefix: batch.code_prefix,
  hold_seconds: batch.hold_seconds ? String(batch.hold_seconds / MINUTE_SECONDS) : "",
  rooms: (batch.rooms ?? [])
    .map(({ room, quantity }) => (quantity === null ? room : `${room} ${quantity}`))
    .join("\n"),
  "claim_window.from": fieldTime(batch.claim_window?.from),
  "claim_window.until": fieldTime(batch.claim_window?.until),
  max_per_minute: String(batch.max_per_minute ?? ""),
  remind_before: (batch.remind_before ?? []).join(", "),
});

/** @typedef {"ended"|"paused"|"stopped"|"coming"|"over"|"empty"|"running"} BatchState */

/** @param {Pick<Batch, "ended"|"stopped"|"claim_window"|"remaining">} batch @param {number} now ms @returns {BatchState} */
export function stateOfBatch({ ended, stopped, claim_window: window, remaining }, now) {
  if (ended) return "ended";
  if (stopped?.use) return "stopped";
  if (stopped?.claims) return "paused";
  if (window && now < Date.parse(window.from)) return "coming";
  if (window && now >= Date.parse(window.until)) return "over";
  return remaining === 0 ? "empty" : "running";
}

/**
 * A button that changes what goes on with a batch: its words, the call, and the call's body but for the reason.
 * @typedef {{word: string, call: "stopBatch"|"resumeBatch"|"endBatch", form: {claims?: boolean, use?: boolean}}} BatchAct
 */

/** The buttons of a batch as it is. @param {Pick<Batch, "ended"|"stopped">} batch @returns {BatchAct[]} */
export function actsOfBatch({ ended, stopped }) {
  const { claims = false, use = false } = stopped ?? {};
  if (ended)
    return [
      use
        ? { word: "batch_resume_use", call: "resumeBatch", form: { use: true } }
        : { word: "batch_stop_use", call: "stopBatch", form: { use: true } },
    ];
  /** @type {(BatchAct|false)[]} */
  const acts = [
    !claims && { word: "batch_pause", call: "stopBatch", form: { claims: true } },
    !use && { word: "batch_stop", call: "stopBatch", form: { claims: true, use: true } },
    (claims || use) && {
      word: "batch_resume",
      call: "resumeBatch",
      form: { claims: true, ...(use && { use: true }) },
    },
    { word: "batch_end", call: "endBatch", form: {} },
  ];
  return acts.filter((act) => act !== false);
}

/** @param {Values} values */
const holdOf = (values) =>
  values.hold_seconds ? Math.round(Number(values.hold_seconds) * MINUTE_SECONDS) : null;

/** @param {Values} values @param {Batch["claim_window"]} [before] */
function windowOf(values, before) {
  const [from, until] = [values["claim_window.from"], values["claim_window.until"]];
  if (!from && !until) return null;
  return { from: sameMinute(from, before?.from), until: sameMinute(until, before?.until) };
}

/** @param {Values} values */
const remindersOf = (values) =>
  values.remind_before ? idsIn(values.remind_before).map(Number) : null;
