// The line of a card that says who got a coupon. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Winners } from "../../../client_sdk/javascript/element/winners.js";

test("the last names are shown, and the others are a number", () => {
  const winners = new Winners();
  assert.equal(winners.text("drp_1", "en"), "");
  winners.add({ drop_id: "drp_1", names: ["A***", "王*"], more: 0 });
  assert.equal(winners.text("drp_1", "en"), "Got one: 王*, A***");
  winners.add({ drop_id: "drp_1", names: ["B***", "C***"], more: 40 });
  assert.equal(winners.text("drp_1", "en"), "Got one: C***, B***, 王* and 41 more");
  assert.equal(winners.text("drp_1", "zh"), "C***、B***、王* 等 44 人已领到");
  assert.equal(winners.text("drp_2", "zh"), "");
});

test("what is told behind a welcome takes the place of what was told before", () => {
  const winners = new Winners();
  winners.add({ drop_id: "drp_1", names: ["A***"], more: 3 });
  winners.forget();
  winners.add({ drop_id: "drp_1", names: ["A***"], more: 3 });
  assert.equal(winners.text("drp_1", "en"), "Got one: A*** and 3 more");
});
