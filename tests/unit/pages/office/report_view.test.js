// What the address of the office's reports asks for, and the rows behind a figure. Run by `node --test`.

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

// Pages import the SDK from /sdk/, where the server shows it.
const SDK = new URL("../../../../client_sdk/javascript/", import.meta.url).href;
const HOOKS = `export const resolve = (name, context, next) =>
  next(name.startsWith("/sdk/") ? new URL(name.slice(5), "${SDK}").href : name, context);`;
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
const OFFICE = new URL("../../../../server/pages/static/office/", import.meta.url).href;
const { askedOf, chartOf, figureText, rowsAddress } = await import(
  `${OFFICE}reports/report-view.js`
);

const NOW = Date.parse("2026-03-31T12:00:00Z");
const ASKED = askedOf({ from: "2026-03-01", to: "2026-03-31" }, NOW);
/** @param {string} key @param {string} currency @param {number} net */
const row = (key, currency, net) => ({ key, currency, figures: { claimed: { gross: net, net } } });

test("an address without filters asks for the coupons of the last 30 days, net", () => {
  const { from, to, ...rest } = askedOf({ report: "x", by: "y", part: "z" }, NOW);
  assert.deepEqual(rest, { report: "coupons", by: "day", part: "net", figure: "claimed" });
  assert.equal((Date.parse(to) - Date.parse(from)) / 86_400_000, 29);
});

test("a figure of all days leads to their coupons or orders", () => {
  const days = "from=2026-03-01&to=2026-03-31";
  assert.equal(rowsAddress(ASKED, "issued", null), `#/reports/coupons?${days}`);
  assert.equal(rowsAddress(ASKED, "used", null), `#/reports/orders?${days}`);
  assert.equal(rowsAddress(ASKED, "issued_tap", null), `#/reports/coupons?${days}&source=tap`);
});

test("a figure of a row leads to the rows of that day, batch or campaign", () => {
  const of = (/** @type {string} */ by, /** @type {string} */ figure, /** @type {string} */ key) =>
    rowsAddress({ ...ASKED, by }, figure, key);
  assert.equal(
    of("hour", "used", "2026-03-05T14"),
    "#/reports/orders?from=2026-03-05&to=2026-03-05",
  );
  assert.match(of("batch", "gmv", "bat_1"), /orders.*batch_id=bat_1$/);
  assert.match(of("campaign", "claimed", "cmp_1"), /coupons.*campaign_id=cmp_1$/);
});

test("a figure whose rows no list has leads nowhere", () => {
  for (const figure of ["reached", "orders_without", "repurchase_30"])
    assert.equal(rowsAddress(ASKED, figure, null), null);
  assert.equal(rowsAddress({ ...ASKED, by: "campaign" }, "used", "cmp_1"), null);
  assert.equal(rowsAddress({ ...ASKED, by: "room" }, "used", "algebra"), null);
});

test("days make a line for each currency, oldest first", () => {
  const rows = [
    row("2026-03-02", "CNY", 5),
    row("2026-03-02", "USD", 1),
    row("2026-03-01", "CNY", 3),
  ];
  const { kind, names, series } = chartOf(rows, ASKED);
  assert.deepEqual([kind, names], ["series", ["2026-03-01", "2026-03-02"]]);
  assert.deepEqual(series, [
    { name: "CNY", values: [3, 5] },
    { name: "USD", values: [null, 1] },
  ]);
});

test("batches make bars, the greatest first, twenty at most", () => {
  const rows = Array.from({ length: 30 }, (_, i) => row(`bat_${i}`, "CNY", i));
  const { kind, names, series } = chartOf(rows, { ...ASKED, by: "batch" });
  assert.deepEqual(
    [kind, names[0], names.length, series[0].values[0]],
    ["bars", "bat_29 CNY", 20, 29],
  );
});

test("figures are written by their unit", () => {
  assert.equal(figureText("ratio", 0.1234, "CNY", "en"), "12.3 %");
  assert.equal(figureText("money", 455, "CNY", "en"), "¥4.55");
  assert.equal(figureText("count", 12345, "CNY", "en"), "12,345");
  assert.equal(figureText("money", null, "CNY", "en"), "–");
});
