/** The last day of a coupon as a calendar reads it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { calendarFile } from "../../../server/pages/static/wallet/calendar.js";

const COUPON = {
  id: "cpn_1",
  use_by: "2026-12-09T13:55:00.250Z",
  code: "LIVE-7KQM",
  title: "Coupon ends: a, b; c\\d\nnext",
  url: "https://drop.example/wallet",
  now: Date.UTC(2026, 11, 2, 8, 0, 0),
};

test("a calendar has the moment in UTC, an alarm a day before, and CRLF at every line's end", () => {
  const file = calendarFile(COUPON);
  assert.ok(file.startsWith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"));
  assert.ok(file.endsWith("END:VCALENDAR\r\n"));
  assert.ok(!/[^\r]\n/.test(file));
  assert.ok(file.includes("\r\nDTSTAMP:20261202T080000Z\r\nDTSTART:20261209T135500Z\r\n"));
  assert.ok(file.includes("TRIGGER:-P1D"));
});

test("text is escaped, so that a name cannot add a line", () => {
  const file = calendarFile(COUPON);
  assert.ok(file.includes("SUMMARY:Coupon ends: a\\, b\\; c\\\\d\\nnext\r\n"));
});

test("a long line is folded at 75 octets, between characters", () => {
  const title = "优惠券".repeat(40);
  const file = calendarFile({ ...COUPON, title });
  for (const line of file.split("\r\n")) assert.ok(new TextEncoder().encode(line).length <= 75);
  assert.ok(file.replaceAll("\r\n ", "").includes(`SUMMARY:${title}`));
});
