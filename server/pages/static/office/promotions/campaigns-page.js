// @ts-check
/** Campaigns: the list, and one campaign with its budget, its phases and its stop. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { budgetBar } from "./budget-bar.js";
import { campaignEditForm, campaignForm } from "./campaign-form.js";
import { detail } from "../shared/detail.js";
import { askReason } from "../shared/dialog.js";
import { list } from "../shared/list.js";
import { campaignMessages } from "./messages-campaigns.js";
import { metadataNode, metadataPart } from "../shared/metadata.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";

/** @import { BudgetParts, Campaign } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(campaignMessages);
  return view.id
    ? campaignPage(host, await host.api.getCampaign(view.id))
    : h(
        "div",
        { class: "office-section" },
        host.mayWrite && (await campaignForm(host)),
        campaignList(host, view),
      );
}

/** @param {Host} host @param {OfficeView} view */
function campaignList(host, view) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("campaigns_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("campaign_name"), value: (row) => row.name },
      { title: language.say("campaign_state"), value: (row) => stateText(host, row) },
      {
        title: language.say("campaign_from"),
        value: (row) => row.starts_at,
        show: (row) => timeText(host, row.starts_at),
      },
      {
        title: language.say("campaign_until"),
        value: (row) => row.ends_at,
        show: (row) => timeText(host, row.ends_at),
      },
      {
        title: language.say("campaign_taken"),
        value: takenPercent,
        show: (row) => percentText(takenPercent(row)),
        isNumber: true,
      },
    ],
    load: async (after) => {
      const { campaigns, next } = await host.api.listCampaigns({ limit: 50, after });
      return { rows: campaigns, next };
    },
    empty: h("p", null, language.say("campaigns_empty")),
  });
}

/** @param {Host} host @param {Campaign} campaign */
async function campaignPage(host, campaign) {
  const { language } = host;
  const { budget = {} } = campaign;
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, campaign.name),
    detail([
      [language.say("campaign_id"), campaign.id],
      [language.say("campaign_state"), stateText(host, campaign)],
      [language.say("campaign_purpose"), campaign.purpose],
      [language.say("campaign_from"), timeText(host, campaign.starts_at)],
      [language.say("campaign_until"), timeText(host, campaign.ends_at)],
      [language.say("campaign_phase"), campaign.phase],
      [
        language.say("campaign_per_student"),
        campaign.per_student ? String(campaign.per_student) : null,
      ],
      [language.say("campaign_stop_reason"), campaign.stopped?.reason],
    ]),
    budget.money && budgetPart(host, "campaign_money", budget.money),
    budget.pieces && budgetPart(host, "campaign_pieces", budget.pieces),
    campaign.phases.length > 0 && phaseList(host, campaign),
    host.mayWrite && stopButtons(host, campaign),
    host.mayWrite && !isOver(campaign) && (await campaignEditForm(host, campaign)),
    isOver(campaign)
      ? metadataNode(host, campaign.metadata)
      : metadataPart(host, campaign, {
          read: () => host.api.getCampaign(campaign.id),
          write: (metadata, seen) => host.api.editCampaign(campaign.id, seen.version, { metadata }),
        }),
  );
}

/** @param {Host} host @param {string} title @param {BudgetParts} parts */
function budgetPart(host, title, parts) {
  const { language } = host;
  const text = (/** @type {number} */ amount) =>
    parts.currency ? money(amount, parts.currency, language.current) : String(amount);
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, language.say(title)),
    budgetBar(parts),
    detail([
      [language.say("budget_amount"), text(parts.amount)],
      [language.say("budget_settled"), text(parts.settled)],
      [language.say("budget_exposed"), text(parts.exposed)],
      [language.say("budget_free"), text(parts.free)],
    ]),
  );
}

/** @param {Host} host @param {Campaign} campaign */
function phaseList(host, campaign) {
  const row = (/** @type {Campaign["phases"][number]} */ phase) =>
    h("li", null, `${phase.name}: ${timeText(host, phase.from)} – ${timeText(host, phase.until)}`);
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, host.language.say("campaign_phases")),
    h("ol", { class: "stack" }, ...campaign.phases.map(row)),
  );
}

/** @param {Host} host @param {Campaign} campaign */
function stopButtons(host, campaign) {
  const { language, api } = host;
  const problem = h("div");
  const isStopped = Boolean(campaign.stopped);
  const act = async () => {
    const question = isStopped
      ? language.say("campaign_resume_ask")
      : language.say("campaign_stop_ask");
    const yes = isStopped ? language.say("campaign_resume") : language.say("campaign_stop");
    const reason = await askReason(host, question, yes);
    if (reason === null) return;
    const form = { claims: true, use: true, reason };
    try {
      await (isStopped
        ? api.resumeCampaign(campaign.id, form)
        : api.stopCampaign(campaign.id, form));
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  const word = isStopped ? language.say("campaign_resume") : language.say("campaign_stop");
  return h(
    "div",
    { class: "stack" },
    problem,
    h(
      "div",
      { class: "office-row" },
      h(
        "button",
        { class: "plain-button danger", type: "button", onclick: () => void act() },
        word,
      ),
    ),
  );
}

/** @param {Host} host @param {Campaign} campaign */
function stateText(host, campaign) {
  const now = Date.now();
  if (campaign.stopped) return host.language.say("campaign_is_stopped");
  if (now < Date.parse(campaign.starts_at)) return host.language.say("campaign_is_coming");
  return host.language.say(isOver(campaign) ? "campaign_is_over" : "campaign_is_running");
}

/** @param {Campaign} campaign */
const isOver = ({ ends_at }) => Date.now() >= Date.parse(ends_at);

/** @param {Campaign} campaign @returns {number|null} of the budget that is furthest used; null without one */
function takenPercent({ budget = {} }) {
  const parts = [budget.money, budget.pieces].filter((part) => part && part.amount > 0);
  const taken = parts.map((part) => (part ? (100 * (part.amount - part.free)) / part.amount : 0));
  return taken.length ? Math.round(Math.max(...taken)) : null;
}

/** @param {number|null} percent */
const percentText = (percent) => (percent === null ? "" : `${percent} %`);
