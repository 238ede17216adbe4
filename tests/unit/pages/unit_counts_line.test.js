// The line of a drop that says where all its coupons are, in both languages. Run by `node --test`.

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

// Pages import the SDK from /sdk/, where the server shows it.
const SDK = new URL("../../../client_sdk/javascript/", import.meta.url);
const resolver = `export const resolve = (name, context, next) =>
  next(name.startsWith("/sdk/") ? new URL(name.slice(5), "${SDK}").href : name, context);`;
register(`data:text/javascript,${encodeURIComponent(resolver)}`);
const { LiveDrop } = await import("../../../server/pages/static/console/drops/live-drop.js");
const { consoleMessages: messages } =
  await import("../../../server/pages/static/console/messages-console.js");
const { fillIn } = await import("../../../client_sdk/javascript/element/words.js");

const DROP = {
  state: "open",
  quantity: 500,
  remaining: 310,
  claimed: 190,
  confirmed: 190,
  redeemed: 10,
  returned: 0,
  settled_difference: 0,
};

/** @param {"zh"|"en"} language @param {object} changes */
function line(language, changes = {}) {
  const drop = { ...DROP, ...changes };
  const books = { dataset: {}, textContent: "" };
  const say = (/** @type {string} */ key, /** @type {object} */ values) =>
    fillIn(messages, language, key, values);
  LiveDrop.prototype._showBooks.call({ _dom: { books }, _language: { say } }, drop, drop.claimed);
  return [books.dataset.agree, books.textContent];
}

test("all parts add up, and the books agree", () => {
  assert.deepEqual(line("en"), [
    "true",
    "500 coupons = 310 left + 180 with students + 10 used + 0 returned. The books agree.",
  ]);
  assert.deepEqual(line("zh"), [
    "true",
    "共 500 张 = 剩余 310 + 学生持有 180 + 已使用 10 + 已退回 0，账目相符。",
  ]);
});

test("what is on its way to the books is a part of its own", () => {
  const [agree, text] = line("en", { confirmed: 185 });
  assert.equal(agree, "true");
  assert.match(text, /310 left \+ 175 with students \+ 10 used \+ 0 returned \+ 5 being recorded/);
});

test("a difference is said in words", () => {
  assert.match(line("en", { settled_difference: 2 })[1], /differ by 2: recorded coupons are safe/);
  assert.match(line("zh", { settled_difference: 2 })[1], /相差 2 张/);
  assert.equal(line("en", { settled_difference: 2 })[0], "false");
});

test("of a closed drop all that was left has gone back", () => {
  assert.match(
    line("en", { state: "closed", remaining: 0, returned: 310, settled_difference: null })[1],
    /0 left \+ 180 with students \+ 10 used \+ 310 returned\. The books agree/,
  );
});
