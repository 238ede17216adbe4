// The run sheet writes the order as it is, with one change: nothing of it is lost, and what has opened stays.
// Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  moved,
  videoSeconds,
  videoTime,
  wholeOrder,
  withMoment,
} from "../../../../server/pages/static/stage/order.js";

/** @param {string} drop_id @param {object} [more] */
const entry = (drop_id, more = {}) =>
  /** @type {any} */ ({ drop_id, state: "waiting", drop_state: "prepared", quantity: 1, ...more });
const ids = (/** @type {{drop_id: string}[]} */ order) => order.map(({ drop_id }) => drop_id);

test("prepared drops that are in no order yet come last, and moments stay", () => {
  const order = [entry("b", { minute: 0, due_at: "x" }), entry("a")];
  assert.deepEqual(wholeOrder(order, ["b", "a", "c"]), [
    { drop_id: "b", minute: 0 },
    { drop_id: "a" },
    { drop_id: "c" },
  ]);
});

test("of an order that is too long the oldest entries that have opened are left out", () => {
  const opened = Array.from({ length: 99 }, (_, n) => entry(`old${n}`, { state: "fired" }));
  const whole = ids(wholeOrder([entry("a"), ...opened], ["a", "b", "c"]));
  assert.equal(whole.length, 100);
  assert.ok(["a", "b", "c"].every((id) => whole.includes(id)));
  assert.ok(!whole.includes("old0") && !whole.includes("old1") && whole.includes("old2"));
});

test("a drop passes the next prepared one, and entries that have opened keep their places", () => {
  const order = [{ drop_id: "a" }, { drop_id: "fired" }, { drop_id: "b", minute: 3 }];
  assert.deepEqual(moved(order, ["a", "b"], "b", -1), [
    { drop_id: "b", minute: 3 },
    { drop_id: "fired" },
    { drop_id: "a" },
  ]);
});

test("the first drop goes no further up, the last none down", () => {
  const order = [{ drop_id: "a" }, { drop_id: "b" }];
  assert.deepEqual(ids(moved(order, ["a", "b"], "a", -1)), ["a", "b"]);
  assert.deepEqual(ids(moved(order, ["a", "b"], "b", 1)), ["a", "b"]);
  assert.deepEqual(ids(moved(order, ["a", "b"], "gone", 1)), ["a", "b"]);
});

test("another moment takes the place of the old one", () => {
  const order = [{ drop_id: "a", minute: 3 }, { drop_id: "b" }];
  const [a, b] = withMoment(order, "a", { video_seconds: 5 });
  assert.deepEqual([a, b], [{ drop_id: "a", video_seconds: 5 }, { drop_id: "b" }]);
});

test("a time of the video is read as it is shown", () => {
  for (const seconds of [0, 45, 750, 3750]) assert.equal(videoSeconds(videoTime(seconds)), seconds);
  assert.equal(videoSeconds(" 12：30 "), 750);
  for (const wrong of ["", "a", "1:75", "1:2:3:4", "1:-2", "1.5"])
    assert.equal(videoSeconds(wrong), null, wrong);
});
