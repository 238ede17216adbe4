// @ts-check
/** The forms that make and change a campaign. */

import { h } from "/sdk/element/dom.js";
import { campaignEditOf, campaignOf, valuesOfCampaign } from "./campaign-values.js";
import { saveVersion } from "../shared/conflict-dialog.js";
import { currencyChoices } from "../shared/currencies.js";
import { form } from "../shared/form.js";

/** @import { Campaign } from "/sdk/shapes.js" */
/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host */
export async function campaignForm(host) {
  const node = form(host, await campaignFields(host, {}), {
    button: host.language.say("campaign_create"),
    bodyOf: campaignOf,
    send: async (body, idempotencyKey) => {
      const { id } = await host.api.createCampaign(body, { idempotencyKey });
      host.go({ page: "campaigns", id });
    },
  });
  return closed(host, "campaign_new", node);
}

/** A conflict with what somebody else has saved shows both values. @param {Host} host @param {Campaign} campaign */
export async function campaignEditForm(host, campaign) {
  const { api } = host;
  const fields = await campaignFields(host, valuesOfCampaign(campaign));
  const node = form(host, fields, {
    button: host.language.say("campaign_save"),
    // Without an amount the currency says nothing, and is no change.
    bodyOf: (values) => ({
      ...values,
      ...(!values["budget.money.amount"] && { "budget.money.currency": "" }),
    }),
    send: async (mine) => {
      const isSaved = await saveVersion(host, {
        seen: campaign,
        mine,
        fields,
        valuesOf: valuesOfCampaign,
        read: () => api.getCampaign(campaign.id),
        write: (values, seen) =>
          api.editCampaign(campaign.id, seen.version, campaignEditOf(values, seen)),
      });
      if (isSaved) host.refresh();
    },
  });
  return closed(host, "campaign_edit", node);
}

/** @param {Host} host @param {string} title @param {HTMLElement} node */
const closed = ({ language }, title, node) =>
  h("details", { class: "panel" }, h("summary", null, language.say(title)), node);

/** @param {Host} host @param {Record<string, string>} values @returns {Promise<Field[]>} */
async function campaignFields(host, values) {
  const { language } = host;
  const field = (
    /** @type {string} */ name,
    /** @type {string} */ label,
    /** @type {Partial<Field>} */ more = {},
  ) => ({ name, label: language.say(label), value: values[name], ...more });
  const time = /** @type {const} */ ({ type: "datetime-local", isRequired: true });
  return [
    field("name", "campaign_name", { isRequired: true }),
    field("purpose", "campaign_purpose", { isRequired: true }),
    field("starts_at", "campaign_from", time),
    field("ends_at", "campaign_until", time),
    field("budget.money.amount", "campaign_amount", {
      type: "number",
      hint: language.say("campaign_amount_hint"),
    }),
    field("budget.money.currency", "campaign_currency", {
      type: "select",
      choices: await currencyChoices(host),
    }),
    field("budget.pieces", "campaign_pieces", { type: "number" }),
    field("per_student", "campaign_per_student", { type: "number" }),
    field("phases", "campaign_phases", {
      type: "textarea",
      isWide: true,
      hint: language.say("campaign_phases_hint"),
    }),
  ];
}
