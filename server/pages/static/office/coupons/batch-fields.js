// @ts-check
/** The fields of a batch: how many, through which channel, to whom. */

/** @import { Campaign } from "/sdk/shapes.js" */
/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

/** @type {Values} */
export const NEW_BATCH = { quantity: "1000", channel: "live", per_student: "1" };
const CHANNELS = ["live", "link", "code", "push", "offer"];
/** These are said when the batch is made, and never changed. */
const ONCE = new Set(["campaign_id", "claim_conditions.tags", "claim_conditions.new"]);

/**
 * @param {Host} host @param {Values} values what stands there at first
 * @param {readonly Campaign[]|null} campaigns those to choose from; null for a batch that is there already
 * @returns {Field[]}
 */
export function batchFields({ language }, values, campaigns) {
  const label = (/** @type {string} */ key) => language.say(`bat_${key}`);
  const number = (/** @type {string} */ name) =>
    /** @type {Field} */ ({ name, label: label(name), type: "number" });
  /** @type {Field[]} */
  const fields = [
    { name: "name", label: label("name"), hint: label("name_hint"), isRequired: true, max: 60 },
    { ...number("quantity"), hint: label("quantity_hint") },
    {
      name: "channel",
      label: label("channel"),
      choices: CHANNELS.map((each) => [each, label(`channel_${each}`)]),
      isRequired: true,
      max: 64,
    },
    { ...number("per_student"), isRequired: true },
    {
      name: "campaign_id",
      label: label("campaign"),
      type: "select",
      choices: [
        ["", label("no_campaign")],
        ...(campaigns ?? []).map(({ id, name }) => /** @type {const} */ ([id, name])),
      ],
    },
    time("claim_window.from", label("from")),
    time("claim_window.until", label("until")),
    {
      name: "rooms",
      label: label("rooms"),
      hint: label("rooms_hint"),
      type: "textarea",
      isWide: true,
    },
    { name: "claim_conditions.tags", label: label("tags"), hint: label("tags_hint") },
    { name: "claim_conditions.new", label: label("new"), type: "checkbox" },
    { ...number("hold_seconds"), hint: label("hold_hint") },
    { ...number("max_per_minute"), hint: label("max_per_minute_hint") },
    { name: "remind_before", label: label("remind_before"), hint: label("remind_hint") },
    { name: "code_prefix", label: label("code_prefix"), hint: label("code_prefix_hint"), max: 12 },
    number("per_person"),
    number("per_device"),
  ];
  return fields
    .filter(({ name }) => campaigns !== null || !ONCE.has(name))
    .map((field) => ({ ...field, value: values[field.name] ?? "" }));
}

/** @param {string} name @param {string} label @returns {Field} */
const time = (name, label) => ({ name, label, type: "datetime-local" });
