// @ts-check
/** The form that makes a campaign. */

import { h } from "/sdk/element/dom.js";
import { currencyChoices } from "./currencies.js";
import { form } from "./form.js";
import { minorOf } from "./money-text.js";
import { instantText } from "./school-time.js";

/** @import { CampaignForm } from "/sdk/shapes.js" */
/** @import { Host } from "./host.js" */

/** @param {Host} host */
export async function campaignForm(host) {
  const { language } = host;
  const currencies = await currencyChoices(host);
  const node = form(
    host,
    [
      { name: "name", label: language.say("campaign_name"), isRequired: true },
      { name: "purpose", label: language.say("campaign_purpose"), isRequired: true },
      {
        name: "starts_at",
        label: language.say("campaign_from"),
        type: "datetime-local",
        isRequired: true,
      },
      {
        name: "ends_at",
        label: language.say("campaign_until"),
        type: "datetime-local",
        isRequired: true,
      },
      {
        name: "budget.money.amount",
        label: language.say("campaign_amount"),
        type: "number",
        hint: language.say("campaign_amount_hint"),
      },
      {
        name: "budget.money.currency",
        label: language.say("campaign_currency"),
        type: "select",
        choices: currencies,
      },
      { name: "budget.pieces", label: language.say("campaign_pieces"), type: "number" },
    ],
    {
      button: language.say("campaign_create"),
      bodyOf,
      send: async (body, idempotencyKey) => {
        const { id } = await host.api.createCampaign(body, { idempotencyKey });
        host.go({ page: "campaigns", id });
      },
    },
  );
  return h("details", { class: "panel" }, h("summary", null, language.say("campaign_new")), node);
}

/** @param {Record<string, string>} values @returns {CampaignForm} */
function bodyOf(values) {
  const amount = values["budget.money.amount"];
  const currency = values["budget.money.currency"];
  const pieces = values["budget.pieces"];
  const budget = {
    ...(amount && { money: { amount: minorOf(amount, currency), currency } }),
    ...(pieces && { pieces: Number(pieces) }),
  };
  return {
    name: values.name,
    purpose: values.purpose,
    starts_at: instantText(values.starts_at),
    ends_at: instantText(values.ends_at),
    ...(Object.keys(budget).length && { budget }),
  };
}
