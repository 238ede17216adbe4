// The office's page of experiments. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  experimentOf,
  placeOf,
} from "../../../../server/pages/static/office/promotions/experiment-values.js";

test("an experiment has the batches that were chosen, with their shares", () => {
  const values = {
    name: "20 or 30",
    hold_out: "10",
    "variants.0.batch_id": "bat_1",
    "variants.0.share": "50",
    "variants.1.batch_id": "bat_2",
    "variants.1.share": "50",
    "variants.2.batch_id": "",
    "variants.2.share": "",
  };
  assert.deepEqual(experimentOf(values), {
    name: "20 or 30",
    hold_out: 10,
    variants: [
      { batch_id: "bat_1", share: 50 },
      { batch_id: "bat_2", share: 50 },
    ],
  });
});

test("no difference stands in the middle of the scale, and every bound stands on it", () => {
  const bounds = { low: -2, high: 6 };
  assert.equal(placeOf(0, bounds), 500);
  const [low, high] = [placeOf(-2, bounds), placeOf(6, bounds)];
  assert.ok(low > 0 && low < 500 && high > 500 && high < 1000);
});
