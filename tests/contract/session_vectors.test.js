// The JavaScript SDK against client_sdk/vectors.json: what the Python SDK and the server agree to.
// Run by `node --test`. The twin of scripted_sessions.py and test_vectors_python.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as frames from "../../client_sdk/javascript/frames.js";
import { Session } from "../../client_sdk/javascript/session.js";

const VECTORS = JSON.parse(
  readFileSync(new URL("../../client_sdk/vectors.json", import.meta.url), "utf8"),
);
const BASE = VECTORS.base;

/** `{"use": name, …}` replaced by the fixture, all the way down. */
function filled(value) {
  if (Array.isArray(value)) return value.map(filled);
  if (typeof value !== "object" || value === null) return value;
  const { use, ...rest } = value;
  const fields = Object.fromEntries(
    Object.entries(rest).map(([name, item]) => [name, filled(item)]),
  );
  return use ? { ...filled(VECTORS.fixtures[use]), ...fields } : fields;
}

const INPUTS = {
  start: (session, _, now) => session.start(now),
  stop: (session) => session.stop(),
  token: (session, { token }, now) => session.token(token, now),
  token_failed: (session, _, now) => session.tokenFailed(now),
  opened: (session, _, now) => session.opened(now),
  closed: (session, { code }, now) => session.closed(code, now),
  online: (session, _, now) => session.online(now),
  woken: (session, _, now) => session.woken(now),
  tick: (session, _, now) => session.tick(now),
  text: (session, { text }, now) => session.frame(text, now),
  frame: (session, { frame }, now) => session.frame(JSON.stringify(filled(frame)), now),
  seen: (session, { drop_id }, now) => session.seen(drop_id, now),
  learn: (session, { coupons }, now) => session.learn(filled(coupons), now),
  claim: (session, { drop_id, request_id }, now) => session.claim(drop_id, request_id, now),
  http_answered: (session, { drop_id, request_id, answer }, now) =>
    session.httpAnswered(drop_id, request_id, answer, now),
  http_failed: (session, { drop_id, request_id, error }, now) => {
    const { code, retryable, retry_after_ms: retryAfterMs = null } = error;
    return session.httpFailed(drop_id, request_id, { code, retryable, retryAfterMs }, now);
  },
};

const PLAIN = {
  connect: () => "connect",
  request_token: () => "request_token",
  send: ({ text }) => ({ send: JSON.parse(text) }),
  emit: ({ event }) => ({ emit: event }),
  disconnect: ({ code }) => ({ disconnect: code }),
  claim_over_http: ({ drop_id, request_id }) => ({ claim_over_http: { drop_id, request_id } }),
};

class ScriptedSession {
  constructor({ random = [], prelude }) {
    const numbers = [...random];
    this.session = new Session("algebra", () => {
      assert.ok(numbers.length, "the script foresees no more random numbers");
      return numbers.shift();
    });
    this.wakeAt = null;
    for (const step of VECTORS.preludes[prelude] ?? []) this.take(step);
  }

  /** The effects, as `out` writes them. */
  take(step) {
    if (step.do === "tick") this.wakeAt = null; // a timer that has fired is gone
    const effects = INPUTS[step.do](this.session, step, BASE + step.at);
    for (const effect of effects) if (effect.do === "wake_at") this.wakeAt = effect.at - BASE;
    return effects
      .filter((effect) => effect.do !== "wake_at")
      .map((effect) => PLAIN[effect.do](effect));
  }

  state() {
    const { closeCode, retryAt, clockOffsetMs, drops, ...same } = this.session.state;
    return {
      ...same,
      close_code: closeCode,
      retry_at: retryAt === null ? null : retryAt - BASE,
      clock_offset_ms: clockOffsetMs,
      drops: Object.fromEntries(drops.map((drop) => [drop.id, drop])),
    };
  }
}

/** That `found` holds all that `expected` lists; null is the same as absent. */
function assertFits(found, expected, where) {
  if (typeof expected !== "object" || expected === null || Array.isArray(expected)) {
    assert.deepEqual(found ?? null, expected, where);
    return;
  }
  assert.ok(typeof found === "object" && found !== null, where);
  for (const [name, value] of Object.entries(expected)) {
    if (name === "drops" || name === "claims") {
      assert.deepEqual(Object.keys(found[name]).sort(), Object.keys(value).sort(), where);
    }
    assertFits(found[name], value, where);
  }
}

for (const script of VECTORS.sessions) {
  test(`session: ${script.name}`, () => {
    const session = new ScriptedSession(script);
    for (const step of script.steps) {
      const found = session.take(step);
      const where = `${JSON.stringify(step)}\nfound ${JSON.stringify(found)}`;
      const expected = step.out ?? [];
      assert.equal(found.length, expected.length, where);
      expected.forEach((effect, i) => assertFits(found[i], effect, where));
      if (step.state) assertFits(session.state(), step.state, where);
      if (step.wake_at !== undefined) assert.equal(session.wakeAt, step.wake_at, where);
    }
  });
}

const WRITERS = {
  hello: ({ token }) => frames.hello(token),
  claim: ({ drop_id, request_id }) => frames.claim(drop_id, request_id),
  seen: ({ drop_id }) => frames.seen(drop_id),
  answer: ({ drop_id, option }) => frames.answer(drop_id, option),
  pong: () => frames.PONG,
};

for (const vector of VECTORS.frames) {
  if (vector.from === "client") {
    test(`writes ${vector.name}`, () => {
      assert.equal(WRITERS[vector.frame.type](vector.frame), vector.text);
    });
  } else {
    test(`reads ${vector.name}`, () => assert.deepEqual(frames.decode(vector.text), vector.frame));
  }
}

for (const { name, text } of VECTORS.ignored) {
  test(`ignores ${name}`, () => assert.equal(frames.decode(text), null));
}

for (const { code, comes_back } of VECTORS.close_codes) {
  test(`close code ${code}`, () => assert.equal(frames.isReconnectable(code), comes_back));
}

for (const { text, ms } of VECTORS.instants) {
  test(`instant ${text}`, () => {
    assert.equal(frames.instantMs(text), ms);
    assert.equal(frames.instantText(ms), text);
  });
}

for (const { url, room, socket } of VECTORS.addresses) {
  test(`address of ${room} at ${url}`, () => {
    if (socket) assert.equal(frames.socketUrl(url, room), socket);
    else assert.throws(() => frames.socketUrl(url, room), RangeError);
  });
}
