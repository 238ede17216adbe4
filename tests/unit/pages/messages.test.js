// The tables of messages are complete in both languages, and no missing message is asked for.
// Run by `node --test`.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { orderMessages } from "../../../server/pages/static/shop/messages-orders.js";
import { shopMessages } from "../../../server/pages/static/shop/messages-shop.js";
import { messages as commonMessages } from "../../../server/pages/static/shared/messages.js";
import { say } from "../../../client_sdk/javascript/element/words.js";

const PAGES = new URL("../../../server/pages/", import.meta.url);
/** All tables, each in a module of its own. @type {Record<string, readonly [string, string]>} */
const messages = {};
for (const name of readdirSync(new URL("static/", PAGES), { recursive: true, encoding: "utf8" }))
  if (/messages[\w-]*\.js$/.test(name))
    for (const table of Object.values(await import(new URL(`static/${name}`, PAGES).href)))
      Object.assign(messages, table);
const places = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

/** @param {string} folder @param {RegExp} pattern @returns {string[]} */
function found(folder, pattern) {
  const base = new URL(folder, PAGES);
  const texts = readdirSync(base, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(js|html)$/.test(name))
    .map((name) => readFileSync(new URL(name, base), "utf8"));
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, key]) => key));
}

test("every page text is there in Chinese and English, with the same places to fill", () => {
  for (const [key, pair] of Object.entries(messages)) {
    assert.equal(pair.length, 2, key);
    assert.ok(pair.every(Boolean), key);
    assert.deepEqual(places(pair[0]), places(pair[1]), key);
  }
});

test("the names of roles stand in the middle of an English sentence", () => {
  const roles = Object.entries(messages).filter(([key]) => key.startsWith("role_"));
  assert.ok(roles.length >= 6);
  for (const [key, [, english]] of roles) assert.equal(english, english.toLowerCase(), key);
});

test("no page says one word in two ways", () => {
  assert.deepEqual(
    Object.keys(shopMessages).filter((key) => Object.hasOwn(commonMessages, key)),
    [],
  );
  assert.deepEqual(
    Object.keys(orderMessages).filter((key) =>
      Object.hasOwn({ ...commonMessages, ...shopMessages }, key),
    ),
    [],
  );
});

test("templates ask for no text that is not there", () => {
  const asked = found("templates/", /data-say="(\w+)"/g);
  assert.ok(asked.length > 0);
  assert.deepEqual(
    asked.filter((key) => !Object.hasOwn(messages, key)),
    [],
  );
});

test("pages ask for no text that is not there", () => {
  const asked = found("static/", /say\("(\w+)"/g);
  assert.ok(asked.length > 20);
  assert.deepEqual(
    asked.filter((key) => !Object.hasOwn(messages, key)),
    [],
  );
});

test("a text that is not there is a mistake, not an empty place", () => {
  assert.throws(() => say("en", "no_such_text"), /no words for no_such_text/);
});

test("each kind of fault says in both languages what is wrong and what mends it", () => {
  const path = new URL("../../../server/flows/consistency/findings.py", import.meta.url);
  const kinds = [...readFileSync(path, "utf8").matchAll(/^ {4}[A-Z_]+ = "(\w+)"$/gm)];
  assert.ok(kinds.length > 30);
  const wanted = kinds.flatMap(([, kind]) => [`finding_${kind}`, `finding_todo_${kind}`]);
  assert.deepEqual(
    wanted.filter((key) => !Object.hasOwn(messages, key)),
    [],
  );
  const said = Object.keys(messages).filter((key) => /^finding_(?!about_)/.test(key));
  assert.deepEqual(said.sort(), wanted.sort());
});
