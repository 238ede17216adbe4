// The server's time of day on pages without a room. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../../server/pages/static/shared/server-clock.js";

const NOON = Date.parse("2026-03-01T12:00:00.000Z");

test("a device's wrong time of day is not believed once the server has answered", () => {
  let monotonic = 5_000;
  const clock = new ServerClock(
    () => monotonic,
    () => NOON - 600_000,
  );
  assert.equal(clock.now(), NOON - 600_000);
  clock.noteDate("Sun, 01 Mar 2026 12:00:00 GMT");
  assert.equal(clock.now(), NOON + 500);
  monotonic += 30_000;
  assert.equal(clock.now(), NOON + 30_500);
});

test("an answer without a date changes nothing", () => {
  const clock = new ServerClock(
    () => 0,
    () => NOON,
  );
  clock.noteDate(null);
  clock.noteDate("soon");
  assert.equal(clock.now(), NOON);
});
