// The page decides whether the server can be reached, by the browser's events and the results of calls.
// Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Reach } from "../../../client_sdk/javascript/element/reach.js";

/** A page whose network and server a test decides. */
function page() {
  const around = {
    at: 1_000,
    online: true,
    answer: "yes",
    now: () => around.at,
    isOnline: () => around.online,
    fetch: () => {
      if (around.answer === "yes") return Promise.resolve(new Response("{}"));
      if (around.answer === "silence") return new Promise(() => {});
      return Promise.reject(new TypeError("failed to fetch"));
    },
  };
  const reach = new Reach("https://drops.example", /** @type {any} */ (around));
  const ask = () => reach.fetch("https://drops.example/v1/x").catch(() => {});
  return { around, reach, ask };
}

test("a page is offline when the browser says so and nothing answers", async () => {
  const { around, reach, ask } = page();
  await ask();
  around.online = false;
  around.answer = "no";
  around.at += 10;
  await ask();
  assert.equal(reach.seen("live"), "offline");
  assert.equal(reach.seen("waiting"), "offline");
});

test("a server on this machine is reached without a network", async () => {
  const { around, reach, ask } = page();
  around.online = false;
  around.at += 10;
  await ask();
  assert.equal(reach.seen("live"), "live");
});

test("a server that has not answered for three seconds is silent, and no longer once it answers", async () => {
  const { around, reach, ask } = page();
  await ask();
  around.answer = "silence";
  around.at += 10;
  void ask();
  around.at += 3_000;
  assert.equal(reach.seen("live"), "live");
  around.at += 1;
  assert.equal(reach.seen("live"), "silent");
  around.answer = "yes";
  await ask();
  assert.equal(reach.seen("live"), "live");
});

test("a call that failed says silent until the server is heard", async () => {
  const { around, reach, ask } = page();
  around.answer = "no";
  await ask();
  assert.equal(reach.seen("live"), "silent");
  assert.equal(reach.seen("connecting"), "connecting");
  around.answer = "yes";
  around.at += 1;
  await ask();
  assert.equal(reach.seen("live"), "live");
});

test("a call that its caller gave up says nothing of the server", async () => {
  const { around, reach } = page();
  around.fetch = () => Promise.reject(new DOMException("given up", "AbortError"));
  await reach.fetch("https://drops.example/v1/x").catch(() => {});
  assert.equal(reach.seen("live"), "live");
});

test("a reply to a call from before the network went does not say that it is back", async () => {
  const { around, reach, ask } = page();
  /** @type {(reply: Response) => void} */
  let arrive = () => {};
  around.fetch = () => new Promise((resolve) => (arrive = resolve));
  const early = ask();
  around.at += 10;
  around.online = false;
  around.fetch = () => Promise.reject(new TypeError("failed to fetch"));
  await ask();
  around.at += 10;
  arrive(new Response("{}"));
  await early;
  assert.equal(reach.seen("waiting"), "offline");
});
