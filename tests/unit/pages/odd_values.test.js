// One bad item never hides the others. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dropFacts } from "../../../client_sdk/javascript/element/card-view.js";
import { drawEach } from "../../../client_sdk/javascript/element/dom.js";
import { useHref } from "../../../client_sdk/javascript/element/use-link.js";
import { dateText, money } from "../../../client_sdk/javascript/element/value.js";

const HERE = "https://drop.example";

for (const bad of [
  "https://shop.example:99999/x",
  "http://",
  "https://[::1/x",
  "javascript:alert(1)",
  "https://a b/",
]) {
  test(`a use_url that is no address leads to our checkout: ${bad}`, () => {
    assert.equal(useHref(bad, "AB-12", HERE), "https://drop.example/checkout?coupon=AB-12");
  });
}

for (const [currency, text] of [
  ["XX", "10 XX"],
  ["", "10"],
  [undefined, "10"],
  ["CNYY", "10 CNYY"],
]) {
  test(`a currency that is none is said as it came: ${currency}`, () => {
    assert.equal(money(1000, /** @type {any} */ (currency), "en"), text);
  });
}

test("a date that is none is said as it came", () => {
  assert.equal(dateText("soon", "zh"), "soon");
  assert.equal(dateText(/** @type {any} */ (null), "zh"), "");
});

test("a drop with odd parts keeps those that can be told", (t) => {
  const told = t.mock.method(console, "error", () => {});
  const drop = /** @type {any} */ ({
    currency: "CNY",
    description: "Any course",
    scope: 7,
    threshold: null,
  });
  assert.deepEqual(dropFacts(drop, "en"), {
    value: "",
    conditions: [],
    details: ["For every course", "Any course"],
  });
  assert.ok(told.mock.callCount() > 0);
});

test("an item that cannot be drawn is plain, is told once, and the others are drawn", (t) => {
  const told = t.mock.method(console, "error", () => {});
  const draw = (/** @type {number} */ n) => {
    if (n === 2) throw new Error("odd");
    return `row ${n}`;
  };
  const drawn = () => drawEach([1, 2, 3], draw, (n) => `plain ${n}`);
  assert.deepEqual(drawn(), ["row 1", "plain 2", "row 3"]);
  drawn();
  assert.equal(told.mock.callCount(), 1);
});
