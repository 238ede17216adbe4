// The shapes of charts. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  drawingOf,
  pathOf,
  ticks,
  valueText,
} from "../../../../server/pages/static/office/reports/chart-shapes.js";

/** @import { ChartData, Shape } from "../../../../server/pages/static/office/reports/chart-shapes.js" */

/** @param {Partial<ChartData>} changes @returns {ChartData} */
const data = (changes = {}) => ({
  kind: "bars",
  names: ["a", "b"],
  series: [{ name: "claimed", values: [10, 5] }],
  format: String,
  ...changes,
});
/** @param {readonly Shape[]} shapes @param {string} tag @param {string} name */
const of = (shapes, tag, name) =>
  shapes.filter(([each, { class: names }]) => each === tag && String(names).includes(name));

test("ticks are round, reach from the least to the greatest value, and are whole where values are", () => {
  assert.deepEqual(ticks(0, 97), [0, 50, 100]);
  assert.deepEqual(ticks(-3, 9), [-5, 0, 5, 10]);
  assert.deepEqual(ticks(0, 0.3), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(ticks(0, 1, true), [0, 1]);
  assert.deepEqual(ticks(0, 0, true), [0, 1]);
});

test("a line is broken where there is no value", () => {
  const path = pathOf(
    [1, null, 2, 3],
    (i) => i,
    (value) => value,
  );
  assert.equal(path, "M0 1M2 2L3 3");
});

test("no shape of a chart has a position that is no number", () => {
  const series = [
    { name: "a", values: [null, 0, -5], low: [null, -1, -6], high: [null, 1, null] },
    { name: "b", values: [0, 0, 0] },
  ];
  for (const kind of /** @type {const} */ (["series", "bars", "funnel", "interval"]))
    for (const names of [["一", "二", "三"], ["一"]])
      for (const width of [0, 320, 1280]) {
        const cut = series.map(({ name, values }) => ({
          name,
          values: values.slice(0, names.length),
        }));
        const { shapes, places } = drawingOf(
          data({ kind, names, series: names.length > 1 ? series : cut }),
          width,
        );
        assert.equal(places.length, names.length);
        assert.doesNotMatch(JSON.stringify(shapes), /NaN|Infinity/);
        for (const [, attributes] of shapes)
          for (const value of Object.values(attributes)) assert.notEqual(value, null);
      }
});

test("the longest bar fills the width, and half the value is half as long", () => {
  const { shapes } = drawingOf(data(), 516);
  const widths = of(shapes, "rect", "tone-0").map(([, { width }]) => width);
  assert.deepEqual(widths, [500, 250]);
});

test("a bar below zero ends at the axis", () => {
  const { shapes } = drawingOf(data({ series: [{ name: "net", values: [10, -10] }] }), 416);
  const [above, below] = of(shapes, "rect", "tone-0").map(([, attributes]) => attributes);
  assert.equal(above.x, Number(below.x) + Number(below.width));
  assert.equal(of(shapes, "line", "axis").length, 1);
});

test("names stand under a line as often as they fit", () => {
  const names = Array.from({ length: 30 }, (_, i) => `2026-03-${i}`);
  const shown = (/** @type {number} */ width) =>
    drawingOf(
      data({ kind: "series", names, series: [{ name: "a", values: names.map(() => 1) }] }),
      width,
    ).shapes.filter(([tag, , text]) => tag === "text" && names.includes(text ?? "")).length;
  assert.ok(shown(320) >= 2 && shown(320) < shown(1280));
});

test("a step of a funnel says its part of the first, an interval its ends", () => {
  assert.equal(valueText(data({ kind: "funnel" }), 0, 1), "5 (50 %)");
  const series = [{ name: "lift", values: [1, null], low: [-1, null], high: [3, null] }];
  assert.equal(valueText(data({ kind: "interval", series }), 0, 0), "1 (-1 … 3)");
  assert.equal(valueText(data({ kind: "interval", series }), 0, 1), "–");
});
