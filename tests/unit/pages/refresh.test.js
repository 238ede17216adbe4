// The rules by which a page reads its coupons again. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Refresher,
  MIN_INTERVAL_MS,
  RANDOM_DELAY_MS,
} from "../../../server/pages/static/shared/refresh.js";

function aPage(random = 0.5) {
  const window = Object.assign(new EventTarget(), {
    document: Object.assign(new EventTarget(), { visibilityState: "visible" }),
  });
  const page = { now: 0, reads: 0, timers: [], posted: [], window };
  const channel = { postMessage: (message) => page.posted.push(message), onmessage: null };
  page.channel = channel;
  page.fresh = new Refresher(() => (page.reads += 1), {
    window,
    channel,
    now: () => page.now,
    random: () => random,
    later: (call, ms) => page.timers.push([page.now + ms, call]),
  });
  page.at = (now) => {
    page.now = now;
    const due = page.timers.filter(([at]) => at <= now);
    page.timers = page.timers.filter(([at]) => at > now);
    for (const [, call] of due) call();
  };
  page.show = (persisted) =>
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted }));
  page.look = (state) => {
    window.document.visibilityState = state;
    window.document.dispatchEvent(new Event("visibilitychange"));
  };
  return page;
}

test("a page that is looked at again reads at a random moment", () => {
  const page = aPage();
  page.look("hidden");
  page.at(RANDOM_DELAY_MS);
  assert.equal(page.reads, 0);
  page.look("visible");
  page.at(RANDOM_DELAY_MS + RANDOM_DELAY_MS / 2 - 1);
  assert.equal(page.reads, 0);
  page.at(RANDOM_DELAY_MS + RANDOM_DELAY_MS / 2);
  assert.equal(page.reads, 1);
});

test("a page that comes back out of the browser's memory reads, one that is opened does not", () => {
  const page = aPage(0);
  page.show(false);
  page.at(1);
  assert.equal(page.reads, 0);
  page.show(true);
  page.at(2);
  assert.equal(page.reads, 1);
});

test("many reasons within some seconds are two readings", () => {
  const page = aPage(0);
  for (let now = 0; now < MIN_INTERVAL_MS; now += 100) {
    page.at(now);
    page.channel.onmessage({ data: "changed" });
  }
  page.at(MIN_INTERVAL_MS + 100);
  assert.equal(page.reads, 2);
});

test("a hidden page does not read when another tab has changed something", () => {
  const page = aPage(0);
  page.look("hidden");
  page.channel.onmessage({ data: "changed" });
  page.at(MIN_INTERVAL_MS);
  assert.equal(page.reads, 0);
});

test("what this page changes is told to the other tabs", () => {
  const page = aPage();
  page.fresh.tell();
  assert.deepEqual(page.posted, ["changed"]);
});
