// Days and times of the office are those of the school's zone, whatever the computer's is. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  dayOf,
  instantOf,
  instantText,
  localTime,
} from "../../../../server/pages/static/office/shared/school-time.js";

const ZONES = ["Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "UTC", undefined];

test("the day and the minute of an instant are those of the zone", () => {
  const at = Date.parse("2026-03-01T18:30:15Z");
  assert.equal(dayOf(at, "Asia/Shanghai"), "2026-03-02");
  assert.equal(localTime(at, "Asia/Shanghai"), "2026-03-02T02:30");
  assert.equal(dayOf(at, "America/New_York"), "2026-03-01");
  assert.equal(localTime(at, "Asia/Kathmandu"), "2026-03-02T00:15");
});

test("what a field holds is read in the zone, and shown again the same", () => {
  for (const zone of ZONES)
    for (
      let at = Date.parse("2026-01-01T00:00Z");
      at < Date.parse("2027-01-01");
      at += 37_740_000
    ) {
      const text = localTime(at, zone);
      const back = instantOf(text, zone);
      // An hour that the clock has twice may come back as the other one; the field shows the same.
      assert.equal(localTime(Number(back), zone), text);
      assert.ok([0, 3_600_000].includes(Math.abs(Number(back) - at)), `${zone} ${text}`);
    }
});

test("a day alone is its first moment, also where the clock changes on it", () => {
  const text = (/** @type {string} */ day, /** @type {string} */ zone) =>
    new Date(Number(instantOf(day, zone))).toISOString();
  assert.equal(text("2026-03-01", "Asia/Shanghai"), "2026-02-28T16:00:00.000Z");
  assert.equal(text("2026-03-08", "America/New_York"), "2026-03-08T05:00:00.000Z");
  assert.equal(text("2026-03-09", "America/New_York"), "2026-03-09T04:00:00.000Z");
});

test("a text that is no time is left to the server, one with an offset means what it says", () => {
  assert.equal(instantOf("tomorrow", "UTC"), null);
  assert.equal(instantOf("2026-13-01T00:00", "UTC"), null);
  assert.equal(instantText("tomorrow"), "tomorrow");
  assert.equal(instantText("2026-03-01T09:00:00+08:00"), "2026-03-01T01:00:00.000Z");
});
