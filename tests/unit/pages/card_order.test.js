// The order of cards, and when cards may move. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { held, inOrder, isLine } from "../../../client_sdk/javascript/element/order.js";
import { bigValue, wideness } from "../../../client_sdk/javascript/element/value.js";

/** @param {string} id @param {string} state @returns {any} */
const drop = (id, state, remaining = 3) => ({ id, state, remaining });
/** @param {string} drop_id @param {string} state @param {string} [outcome] @returns {any} */
const claim = (drop_id, state, outcome) => ({ drop_id, state, outcome });
const ids = (/** @type {any[]} */ drops) => drops.map(({ id }) => id).join(" ");

test("claimable first, then what opens soon, then what is mine, then the rest", () => {
  const drops = [
    drop("mine", "open"),
    drop("open", "open"),
    drop("soon", "scheduled"),
    drop("over", "closed"),
    drop("gone", "sold_out", 0),
  ];
  const claims = { mine: claim("mine", "confirmed") };
  assert.equal(ids(inOrder(drops, claims)), "open soon mine gone over");
});

test("a coupon in an order is mine still, one that is used is one line", () => {
  const moved = (/** @type {string} */ state) => ({
    ...claim("a", "confirmed"),
    coupon: { id: "cpn_1", state },
  });
  assert.equal(isLine(drop("a", "closed"), moved("locked")), false);
  for (const state of ["redeemed", "expired", "voided"])
    assert.equal(isLine(drop("a", "closed"), moved(state)), true);
});

test("the newest of several that can be claimed stands first", () => {
  assert.equal(ids(inOrder([drop("a", "open"), drop("b", "open")], {})), "b a");
});

test("units that come back make a card claimable again", () => {
  const drops = [drop("a", "open"), drop("b", "scheduled")];
  const claims = { a: claim("a", "refused", "sold_out") };
  assert.equal(ids(inOrder(drops, claims)), "a b");
  assert.equal(isLine(drops[0], claims.a), false);
  assert.equal(isLine({ ...drops[0], remaining: 0, state: "sold_out" }, claims.a), true);
});

test("a tap that waits for its answer stays where it is", () => {
  const drops = [drop("a", "open"), drop("b", "scheduled")];
  assert.equal(ids(inOrder(drops, { a: claim("a", "pending") })), "a b");
});

test("under a finger nothing moves: what is new stands at the end, what is gone goes", () => {
  assert.deepEqual(held(["new", "b", "a"], ["a", "b", "gone"]), ["a", "b", "new"]);
});

test("a long figure knows that it is wide", () => {
  const wide = (/** @type {number} */ amount) =>
    wideness(bigValue({ kind: "amount_off", amount }, "CNY", "zh"));
  assert.ok(wide(1000) < 3);
  assert.ok(wide(199_990) > 8);
  assert.ok(wide(2 ** 53 - 1) > 20);
});
