// A call without an answer is sent again; one with an answer is not.
// Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../../../client_sdk/javascript/index.js";
import { retryUntilAnswered } from "../../../../server/pages/static/console/retry.js";

/** @param {(string|number)[]} answers the code of an error, or what comes back @param {number} [takesMs] */
function calls(answers, takesMs = 0) {
  const clock = {
    at: 0,
    now: () => clock.at,
    pause: async (/** @type {number} */ ms) => void (clock.at += ms),
  };
  const made = { times: 0, clock };
  const call = async () => {
    clock.at += takesMs;
    const answer = answers[Math.min(made.times++, answers.length - 1)];
    if (typeof answer === "string")
      throw new ApiError(answer, 0, {}, answer === "rate_limited" ? 5_000 : null);
    return answer;
  };
  return { call, made, clock };
}

test("an answer is not asked for twice", async () => {
  const { call, made, clock } = calls([7]);
  assert.equal(await retryUntilAnswered(call, { clock }), 7);
  assert.equal(made.times, 1);
});

test("no answer is asked for again until there is one", async () => {
  const { call, made, clock } = calls(["unreachable", "unavailable", "in_progress", 7]);
  assert.equal(await retryUntilAnswered(call, { clock }), 7);
  assert.equal(made.times, 4);
});

test("a no is an answer", async () => {
  const { call, made, clock } = calls(["stock_short", 7]);
  await assert.rejects(retryUntilAnswered(call, { clock }), { code: "stock_short" });
  assert.equal(made.times, 1);
});

test("it waits as long as the server asks for", async () => {
  const { call, clock } = calls(["rate_limited", 7]);
  assert.equal(await retryUntilAnswered(call, { clock }), 7);
  assert.equal(clock.at, 5_000);
});

test("a server that stays away is told to the teacher", async () => {
  const { call, made, clock } = calls(["unreachable"]);
  await assert.rejects(retryUntilAnswered(call, { clock }), { code: "unreachable" });
  assert.equal(made.times, 5);
});

test("one that hangs is not waited for again and again", async () => {
  const { call, made, clock } = calls(["unreachable"], 10_000);
  await assert.rejects(retryUntilAnswered(call, { clock }), { code: "unreachable" });
  assert.equal(made.times, 2);
});

test("what was given up is not sent again", async () => {
  const { call, made, clock } = calls(["unreachable", 7]);
  const given = new AbortController();
  clock.pause = async () => given.abort();
  await assert.rejects(retryUntilAnswered(call, { clock, signal: given.signal }), {
    code: "unreachable",
  });
  assert.equal(made.times, 1);
});
