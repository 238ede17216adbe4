// Audiences and sends of the office: rules, files of students, states of a send. Run by `node --test`.

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

// Pages import the SDK from /sdk/, where the server shows it.
const SDK = new URL("../../../../client_sdk/javascript/", import.meta.url).href;
const HOOKS = `export const resolve = (name, context, next) =>
  next(name.startsWith("/sdk/") ? new URL(name.slice(5), "${SDK}").href : name, context);`;
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
const OFFICE = new URL("../../../../server/pages/static/office/", import.meta.url).href;
const { csvRows } = await import(`${OFFICE}shared/csv.js`);
const { goodStudents } = await import(`${OFFICE}audiences/file-field.js`);
const { flat, valueIn } = await import(`${OFFICE}audiences/rule-text.js`);
const { canUndo, shareDone } = await import(`${OFFICE}sends/progress.js`);
const { sendOf } = await import(`${OFFICE}sends/new-send.js`);

test("CSV is read with its quotes, and a line break within them", () => {
  assert.deepEqual(csvRows('\uFEFFa,b\r\n"x, ""y""\nz",2\r\n'), [
    ["a", "b"],
    ['x, "y"\nz', "2"],
  ]);
});

test("the students of a file are its good rows, without the guard before a dash", () => {
  const csv =
    "row,student,note,outcome,detail\r\n2,ann,,not_issued_yet,\r\n3,'-x,,not_issued_yet,\r\n";
  assert.deepEqual(
    goodStudents(`${csv}4,1.5,,bad,student: is_fraction\r\n5,ann,,duplicate,row 2`),
    ["ann", "-x"],
  );
});

test("the value of a condition has the type of its fact", () => {
  assert.deepEqual(valueIn("text", "in", "vip, 新生"), ["vip", "新生"]);
  assert.equal(valueIn("time", "not_within_days", "30"), 30);
  assert.equal(valueIn("time", ">=", "2026-09-01T00:00:00Z"), "2026-09-01T00:00:00.000Z");
  assert.equal(valueIn("text", "=", "7"), "7");
  assert.equal(valueIn("own", "=", "7"), 7);
  assert.equal(valueIn("own", "=", "true"), true);
});

test("a rule with a group within is not shown as lines", () => {
  const condition = { fact: "tag", op: "=", value: "vip" };
  assert.deepEqual(flat({ any: [condition] }), { word: "any", conditions: [condition] });
  assert.equal(flat({ all: [{ any: [condition] }] }), null);
});

test("a send can be undone until an hour after its end", () => {
  const done = { state: "done", finished_at: "2026-12-02T10:00:00Z" };
  assert.ok(canUndo(done, Date.parse("2026-12-02T10:59:59Z")));
  assert.ok(!canUndo(done, Date.parse("2026-12-02T11:00:00Z")));
  assert.ok(canUndo({ state: "running" }, 0));
  assert.ok(!canUndo({ state: "undone" }, 0));
  assert.equal(shareDone({ asked: 3, issued: 1, refused: 1, held_out: 0 }), "66 %");
  assert.equal(shareDone({ asked: 0, issued: 0, refused: 0, held_out: 0 }), "…");
});

test("a send asks for what was filled in and nothing else", () => {
  const values = { batch_id: "bat_1", who: "students", students: "ann bob", reason: "r" };
  assert.deepEqual(sendOf(values), { batch_id: "bat_1", students: ["ann", "bob"], reason: "r" });
  const pack = { ...values, batch_id: "pck_1", who: "audience", audience_id: "aud_1" };
  assert.deepEqual(sendOf({ ...pack, notify: "yes", repeat: "FREQ=DAILY", times: "3" }), {
    pack_id: "pck_1",
    audience_id: "aud_1",
    reason: "r",
    repeat: "FREQ=DAILY;COUNT=3",
    notify: {},
  });
});
