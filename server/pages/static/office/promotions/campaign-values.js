// @ts-check
/** A campaign as the values of a form, and back. Pure; the server judges. */

import { fieldTime, numberIn, sameMinute } from "../coupons/template-values.js";
import { majorText, minorOf } from "../shared/money-text.js";

/** @import { BudgetForm, Campaign, CampaignEdit, CampaignForm, Phase } from "/sdk/shapes.js" */
/** @typedef {Record<string, string>} Values */

/** @param {Values} values @returns {CampaignForm} */
export function campaignOf(values) {
  const { budget, phases, per_student } = partsOf(values);
  return {
    name: values.name,
    purpose: values.purpose,
    starts_at: sameMinute(values.starts_at),
    ends_at: sameMinute(values.ends_at),
    ...(budget && { budget }),
    ...(phases.length && { phases }),
    ...(per_student !== null && { per_student }),
  };
}

/** What differs from the campaign, as a change of it. @param {Values} values @param {Campaign} seen @returns {CampaignEdit} */
export function campaignEditOf(values, seen) {
  const before = valuesOfCampaign(seen);
  const now = { ...before, ...values };
  /** @type {Record<string, unknown>} */
  const all = {
    name: now.name,
    purpose: now.purpose,
    starts_at: sameMinute(now.starts_at, seen.starts_at),
    ends_at: sameMinute(now.ends_at, seen.ends_at),
    ...partsOf(now, seen.phases),
  };
  const isChanged = (/** @type {string} */ name) =>
    Object.keys(now).some(
      (field) => (field === name || field.startsWith(`${name}.`)) && now[field] !== before[field],
    );
  return Object.fromEntries(Object.entries(all).filter(([name]) => isChanged(name)));
}

/** @param {Campaign} campaign @returns {Values} */
export const valuesOfCampaign = ({ budget = {}, ...campaign }) => ({
  name: campaign.name,
  purpose: campaign.purpose,
  starts_at: fieldTime(campaign.starts_at),
  ends_at: fieldTime(campaign.ends_at),
  "budget.money.amount": majorText(budget.money?.amount, budget.money?.currency ?? ""),
  "budget.money.currency": budget.money?.currency ?? "",
  "budget.pieces": String(budget.pieces?.amount ?? ""),
  per_student: String(campaign.per_student ?? ""),
  phases: campaign.phases.map(phaseLine).join("\n"),
});

/** @param {Phase} phase */
const phaseLine = ({ name, from, until }) => [name, shown(from), shown(until)].join(", ");

/** @param {string} at */
const shown = (at) => fieldTime(at).replace("T", " ");

/** @param {Values} values @param {readonly Phase[]} [before] the phases that the form began with */
function partsOf(values, before = []) {
  const amount = values["budget.money.amount"];
  const currency = values["budget.money.currency"];
  const pieces = numberIn(values["budget.pieces"]);
  /** @type {BudgetForm} */
  const budget = {
    ...(amount && { money: { amount: minorOf(amount, currency), currency } }),
    ...(pieces !== undefined && { pieces }),
  };
  return {
    budget: Object.keys(budget).length ? budget : null,
    phases: phasesIn(values.phases ?? "", before),
    per_student: numberIn(values.per_student) ?? null,
  };
}

/**
 * Phases, one a line: "Main, 2026-09-01 00:00, 2026-09-20". A line that is as it was keeps its seconds.
 * @param {string} text @param {readonly Phase[]} before @returns {Phase[]}
 */
export function phasesIn(text, before = []) {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter(Boolean).map((line) => {
    const kept = before.find((phase) => phaseLine(phase) === line);
    if (kept) return kept;
    const parts = line.split(/[,，]/).map((part) => part.trim());
    const [from = "", until = ""] = parts.slice(-2);
    const at = (/** @type {string} */ time) => sameMinute(time.replace(" ", "T"));
    return { name: parts.slice(0, -2).join(", "), from: at(from), until: at(until) };
  });
}
