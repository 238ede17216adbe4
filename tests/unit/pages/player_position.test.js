// The position of the video: told while it plays, not too often, and never twice at once.
// Run by `node --test`. The twin of `tests/unit/client_sdk/test_player_position.py`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../../client_sdk/javascript/index.js";
import { PlayerPosition } from "../../../client_sdk/javascript/player_position.js";

/** @param {(ApiError|null)[]} answers the errors of the next calls; null for a success */
function player(...answers) {
  const clock = { ms: 0 };
  /** @type {number[]} */
  const told = [];
  let gate = Promise.resolve();
  const api = /** @type {any} */ ({
    tellPosition: async (/** @type {string} */ room, /** @type {number} */ seconds) => {
      assert.equal(room, "algebra");
      told.push(seconds);
      await gate;
      const error = answers.shift();
      if (error) throw error;
    },
  });
  const position = new PlayerPosition({
    api,
    room: "algebra",
    everyMs: 2_000,
    now: () => clock.ms,
  });
  const hold = () => {
    let release = () => {};
    gate = new Promise((resolve) => (release = () => resolve(undefined)));
    return () => release();
  };
  return { position, clock, told, hold };
}

test("a playing video is told once in two seconds, in whole seconds", async () => {
  const { position, clock, told } = player();
  const sent = [];
  for (const ms of [0, 250, 1_999, 2_000]) {
    clock.ms = ms;
    sent.push(await position.update(10.9 + ms / 1000, true));
  }
  assert.deepEqual(sent, [true, false, false, true]);
  assert.deepEqual(told, [10, 12]);
});

test("a paused video and what is no position are not told", async () => {
  const { position, told } = player();
  assert.equal(await position.update(10, false), false);
  for (const wrong of [-1, 86_401, NaN, Infinity])
    assert.equal(await position.update(wrong, true), false);
  assert.deepEqual(told, []);
});

test("a slow call is not overtaken", async () => {
  const { position, clock, hold } = player();
  const release = hold();
  const first = position.update(1, true);
  clock.ms = 60_000;
  assert.equal(await position.update(61, true), false);
  release();
  assert.equal(await first, true);
  assert.equal(await position.update(62, true), true);
});

test("after a refusal it waits as long as the server asks, and goes on", async () => {
  const refused = new ApiError("rate_limited", 429, {}, 5_000);
  const { position, clock, told } = player(refused);
  assert.equal(await position.update(1, true), false);
  assert.equal(position.error, refused);
  clock.ms = 4_999;
  assert.equal(await position.update(6, true), false);
  clock.ms = 5_000;
  assert.equal(await position.update(7, true), true);
  assert.equal(position.error, null);
  assert.deepEqual(told, [1, 7]);
});

test("a media element is followed until it is let go", () => {
  const { position, told } = player();
  const media = Object.assign(new EventTarget(), {
    currentTime: 30.5,
    paused: false,
    ended: false,
    seeking: true,
  });
  const end = position.follow(/** @type {any} */ (media));
  media.dispatchEvent(new Event("timeupdate"));
  assert.deepEqual(told, []);
  media.seeking = false;
  media.dispatchEvent(new Event("timeupdate"));
  assert.deepEqual(told, [30]);
  end();
  assert.doesNotThrow(() => media.dispatchEvent(new Event("timeupdate")));
});
