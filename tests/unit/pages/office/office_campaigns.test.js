// The office's forms of campaigns. Run by `node --test`.

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

// Pages import the SDK from /sdk/, where the server shows it.
const SDK = new URL("../../../../client_sdk/javascript/", import.meta.url).href;
const HOOKS = `export const resolve = (name, context, next) =>
  next(name.startsWith("/sdk/") ? new URL(name.slice(5), "${SDK}").href : name, context);`;
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
const { campaignEditOf, campaignOf, phasesIn, valuesOfCampaign } = await import(
  new URL("../../../../server/pages/static/office/promotions/campaign-values.js", import.meta.url)
    .href
);

/** @type {import("../../../../client_sdk/javascript/shapes.js").Campaign} */
const CAMPAIGN = {
  id: "cmp_1",
  version: 3,
  name: "Spring",
  purpose: "New faces",
  starts_at: "2026-03-01T00:00:30.000Z",
  ends_at: "2026-04-01T00:00:00.000Z",
  budget: {
    money: { amount: 5_000, currency: "CNY", free: 5_000, exposed: 0, settled: 0, warnings: [] },
  },
  phases: [
    { name: "Main, early", from: "2026-03-02T00:00:30.000Z", until: "2026-03-09T00:00:00Z" },
  ],
  per_student: 2,
  metadata: {},
  created_by: "olga",
  created_at: "2026-01-01T00:00:00.000Z",
};

test("a form that nobody touched changes nothing", () => {
  assert.deepEqual(campaignEditOf(valuesOfCampaign(CAMPAIGN), CAMPAIGN), {});
});

test("a change sends what was changed, and a budget as a whole", () => {
  const values = { ...valuesOfCampaign(CAMPAIGN), name: "Summer", "budget.pieces": "7" };

  assert.deepEqual(campaignEditOf(values, CAMPAIGN), {
    name: "Summer",
    budget: { money: { amount: 5_000, currency: "CNY" }, pieces: 7 },
  });
});

test("what was emptied is taken away", () => {
  const emptied = { "budget.money.amount": "", per_student: "", phases: "" };
  const values = { ...valuesOfCampaign(CAMPAIGN), ...emptied };

  assert.deepEqual(campaignEditOf(values, CAMPAIGN), {
    budget: null,
    per_student: null,
    phases: [],
  });
});

test("a phase is a line, and one that stays keeps its seconds", () => {
  const { phases } = valuesOfCampaign(CAMPAIGN);
  const found = phasesIn(`${phases}\n\nLate, 2026-03-10 08:00, 2026-03-20`, CAMPAIGN.phases);

  assert.equal(found.length, 2);
  assert.deepEqual(found[0], CAMPAIGN.phases[0]);
  assert.equal(found[1].name, "Late");
  assert.ok(Date.parse(found[1].until) > Date.parse(found[1].from));
});

test("a new campaign has what was filled in", () => {
  const values = {
    ...valuesOfCampaign(CAMPAIGN),
    "budget.money.amount": "",
    per_student: "",
    phases: "",
  };
  const form = campaignOf(values);

  assert.deepEqual(Object.keys(form), ["name", "purpose", "starts_at", "ends_at"]);
  assert.equal(campaignOf(valuesOfCampaign(CAMPAIGN)).per_student, 2);
});
