// The JavaScript client and its HTTP calls, with a socket and a fetch that live in this file.
// Run by `node --test`. The twin of test_client_python.py and of unit/client_sdk/test_api.py.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  Api,
  ApiError,
  ClaimLostError,
  RoomClient,
  StoppedError,
  claimText,
  whyText,
  closeText,
  errorText,
  outcomeText,
} from "../../client_sdk/javascript/index.js";

const { fixtures } = JSON.parse(
  readFileSync(new URL("../../client_sdk/vectors.json", import.meta.url), "utf8"),
);
const WELCOME = { ...fixtures.welcome, drops: [fixtures.drop] };

/** Opens by itself; what is sent to it lies in `sent`. */
function socketClass() {
  return class Socket {
    static made = [];

    constructor(url, subprotocol) {
      Object.assign(this, { url, subprotocol, sent: [], closedWith: null });
      Socket.made.push(this);
      queueMicrotask(() => this.onopen());
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close(code) {
      this.closedWith = code;
    }

    say(frame) {
      this.onmessage({ data: JSON.stringify(frame) });
    }

    last(type) {
      return this.sent.findLast((frame) => frame.type === type);
    }
  };
}

function answering(...answers) {
  const asked = [];
  const fetch = async (url, options) => {
    asked.push({ url, ...options });
    const {
      status = 200,
      headers = { "Content-Type": "application/json" },
      body = {},
    } = (answers.length > 1 ? answers.shift() : answers[0]) ?? {};
    return new Response(typeof body === "string" ? body : JSON.stringify(body), {
      status,
      headers,
    });
  };
  return { asked, fetch };
}

const anyApi = () => new Api({ url: "http://x.test", getToken: () => "t1", ...answering() });

/** Of two things that may happen in any order, neither is worth a wait. */
const soon = () => new Promise((resolve) => setImmediate(resolve));

async function joined({ api = anyApi(), ...options } = {}) {
  const WebSocket = socketClass();
  const url = "http://x.test";
  const client = new RoomClient({
    url,
    room: "algebra",
    WebSocket,
    api,
    random: () => 0,
    ...options,
  });
  client.start();
  await soon();
  const [socket] = WebSocket.made;
  socket.say(WELCOME);
  return { client, socket, made: WebSocket.made };
}

const coupon = fixtures.coupon;
const won = (socket, outcome = "won") => ({
  ...socket.last("claim"),
  type: "claim_result",
  outcome,
});

test("joins the room's address with its token and subprotocol, and shows the room", async () => {
  const { client, socket } = await joined();
  assert.equal(socket.url, "ws://x.test/v1/rooms/algebra");
  assert.equal(socket.subprotocol, "classdrop.v1");
  assert.deepEqual(socket.sent, [{ type: "hello", token: "t1" }]);
  assert.equal(client.state.status, "live");
  assert.deepEqual(
    client.state.drops.map((drop) => drop.id),
    ["drp_1"],
  );
  assert.ok(Math.abs(client.serverNow - Date.parse(WELCOME.now)) < 5_000);
  client.stop();
});

test("a claim is won, then confirmed; each is told once, with one change", async () => {
  const { client, socket } = await joined();
  const told = [];
  client.addEventListener("claim", ({ detail }) => told.push(detail.claim.state));
  client.addEventListener("change", () => told.push("change"));
  const tapped = client.claim("drp_1");
  socket.say(won(socket));
  socket.say(won(socket));
  assert.equal(await tapped, "won");
  const saved = client.untilConfirmed("drp_1");
  socket.say({ type: "claim_confirmed", drop_id: "drp_1", coupon });
  assert.deepEqual(await saved, coupon);
  assert.deepEqual(told, ["pending", "change", "won", "change", "confirmed", "change"]);
  client.stop();
});

test("two taps at once are one claim", async () => {
  const { client, socket } = await joined();
  const taps = Promise.all([client.claim("drp_1"), client.claim("drp_1")]);
  assert.equal(socket.sent.filter((frame) => frame.type === "claim").length, 1);
  socket.say(won(socket));
  assert.deepEqual(await taps, ["won", "won"]);
  client.stop();
});

test("a lost claim has no coupon to wait for", async () => {
  const { client, socket } = await joined();
  const tapped = client.claim("drp_1");
  socket.say(won(socket, "sold_out"));
  assert.equal(await tapped, "sold_out");
  await assert.rejects(client.untilConfirmed("drp_1"), ClaimLostError);
  client.stop();
});

test("a lost connection is made again and the claim repeated under its request id", async () => {
  const { client, socket, made } = await joined();
  const again = once(client, "status"); // waiting
  const tapped = client.claim("drp_1");
  socket.onclose({ code: 1006 });
  await again;
  await once(client, "status"); // connecting, by the timer
  await soon();
  made[1].say(WELCOME);
  assert.deepEqual(made[1].last("claim"), socket.last("claim"));
  socket.say(won(socket)); // the old socket is nobody's business
  made[1].say(won(made[1]));
  assert.equal(await tapped, "won");
  client.stop();
});

test("a final close rejects whoever waits", async () => {
  const { client, socket } = await joined();
  const tapped = client.claim("drp_1");
  socket.onclose({ code: 4501 });
  await assert.rejects(tapped, (error) => error instanceof StoppedError && error.code === 4501);
  assert.equal(client.state.status, "stopped");
  await assert.rejects(client.claim("drp_1"), StoppedError);
});

test("stop closes the socket; start joins again with a new token", async () => {
  const { client, socket, made } = await joined();
  client.stop();
  assert.equal(socket.closedWith, 1000);
  client.start();
  await soon();
  made[1].say(WELCOME);
  assert.equal(client.state.status, "live");
  client.stop();
});

test("a listener that stops the client finds everything done", async () => {
  const { client, socket } = await joined();
  client.addEventListener("claim", () => client.stop(), { once: true });
  await assert.rejects(client.claim("drp_1"), StoppedError);
  assert.equal(socket.closedWith, 1000);
});

test("a token that cannot be had is asked for again", async () => {
  let asked = 0;
  const getToken = () => {
    asked += 1;
    if (asked === 1) throw new Error("no network");
    return "t2";
  };
  const WebSocket = socketClass();
  const client = new RoomClient({
    url: "http://x.test",
    room: "a",
    getToken,
    WebSocket,
    random: () => 0,
  });
  client.start();
  await once(client, "status"); // waiting
  await once(client, "status"); // connecting
  await soon();
  assert.deepEqual(WebSocket.made[0].sent, [{ type: "hello", token: "t2" }]);
  client.stop();
});

test("no answer by the socket goes by HTTP under the same request id", async () => {
  const body = { outcome: "won" };
  const { asked, fetch } = answering({ status: 503, body: { code: "unavailable" } }, { body });
  const api = new Api({ url: "http://x.test", getToken: () => "t1", fetch });
  let now = Date.parse(WELCOME.now);
  const { client, socket } = await joined({ api, now: () => now });
  const tapped = client.claim("drp_1");
  now += 2_000;
  client._do(client._session.tick(now)); // as the timer would, without the wait
  assert.equal(await tapped, "won");
  const { request_id } = socket.last("claim");
  assert.deepEqual(
    asked.map(({ body }) => JSON.parse(body).request_id),
    [request_id, request_id],
  );
  client.stop();
});

test("coming back to the page reconnects at once", async () => {
  const { client, socket, made } = await joined({ random: () => 0.99 });
  socket.onclose({ code: 1006 });
  assert.equal(made.length, 1);
  client._wakeUp();
  assert.equal(made.length, 2);
  client.stop();
});

test("a clock that is set back while reconnecting changes nothing", async (t) => {
  const { client, socket, made } = await joined();
  const again = once(client, "status"); // waiting
  socket.onclose({ code: 1006 });
  const real = Date.now;
  t.mock.method(Date, "now", () => real() - 600_000);
  await again;
  await once(client, "status"); // connecting, by the timer
  assert.equal(made.length, 2);
  assert.ok(Math.abs(client.serverNow - Date.parse(WELCOME.now)) < 5_000);
  client.stop();
});

test("a page that slept asks for the server's time and another connection at once", async () => {
  let wall = 0;
  const { client, socket, made } = await joined({ now: () => 0, wallNow: () => wall });
  client._wakeUp();
  assert.equal(made.length, 1);
  wall += 600_000; // and the monotonic clock stood still
  client._wakeUp();
  assert.equal(socket.closedWith, 4003);
  assert.equal(made.length, 2);
  client.stop();
});

test("a timer that finds that the device slept connects anew", async () => {
  let wall = 0;
  const { client, made } = await joined({ now: () => 0, wallNow: () => wall });
  wall += 600_000;
  client._tick();
  assert.equal(made.length, 2);
  client.stop();
});

const CALLS = [
  [(api) => api.createTemplate({ name: "x" }), "POST", "/v1/templates", { name: "x" }],
  [
    (api) => api.listTemplates({ limit: 2, after: "tpl_1" }),
    "GET",
    "/v1/templates?limit=2&after=tpl_1",
  ],
  [(api) => api.getTemplate("tpl_1"), "GET", "/v1/templates/tpl_1"],
  [
    (api) => api.replaceTemplate("tpl_1", 3, { name: "x" }),
    "PUT",
    "/v1/templates/tpl_1",
    { name: "x" },
  ],
  [(api) => api.createBatch({ name: "x" }), "POST", "/v1/batches", { name: "x" }],
  [(api) => api.editBatch("bat_1", 2, { name: "x" }), "PATCH", "/v1/batches/bat_1", { name: "x" }],
  [
    (api) => api.makeCodes("bat_1", { quantity: 5 }),
    "POST",
    "/v1/batches/bat_1/codes",
    { quantity: 5 },
  ],
  [(api) => api.listCodes("bat_1", { limit: 2 }), "GET", "/v1/batches/bat_1/codes?limit=2"],
  [(api) => api.exportCodes("bat_1"), "GET", "/v1/batches/bat_1/codes?format=csv"],
  [
    (api) => api.voidCodes("bat_1", ["A"]),
    "POST",
    "/v1/batches/bat_1/codes/void",
    { codes: ["A"] },
  ],
  [
    (api) => api.createIssuance({ reason: "sorry", batch_id: "bat_1", students: ["ann"] }),
    "POST",
    "/v1/issuances",
    { reason: "sorry", batch_id: "bat_1", students: ["ann"] },
  ],
  [
    (api) => api.listIssuances({ batch_id: "bat_1", limit: 2 }),
    "GET",
    "/v1/issuances?batch_id=bat_1&limit=2",
  ],
  [(api) => api.getIssuance("iss_1"), "GET", "/v1/issuances/iss_1"],
  [
    (api) => api.listIssuanceItems("iss_1", { outcome: "blocked" }),
    "GET",
    "/v1/issuances/iss_1/items?outcome=blocked",
  ],
  [(api) => api.stopIssuance("iss_1"), "POST", "/v1/issuances/iss_1/stop"],
  [(api) => api.undoIssuance("iss_1"), "POST", "/v1/issuances/iss_1/undo"],
  [(api) => api.bindCoupon("a b"), "POST", "/v1/me/coupons", { code: "a b" }],
  [(api) => api.listBatches(), "GET", "/v1/batches"],
  [(api) => api.getBatch("bat_1"), "GET", "/v1/batches/bat_1"],
  [(api) => api.createDrop("a", { quantity: 1 }), "POST", "/v1/rooms/a/drops", { quantity: 1 }],
  [
    (api) => api.reportFile("orders", "2026-03-01", "2026-03-02", "room"),
    "GET",
    "/v1/reports/orders?from=2026-03-01&to=2026-03-02&by=room&format=csv",
  ],
  [(api) => api.liveDrops({ limit: 5 }), "GET", "/v1/reports/live?limit=5"],
  [(api) => api.listDrops("a", { limit: 5 }), "GET", "/v1/rooms/a/drops?limit=5"],
  [(api) => api.listDrops("a", { ended: false }), "GET", "/v1/rooms/a/drops?ended=false"],
  [(api) => api.getDrop("a", "drp_1"), "GET", "/v1/rooms/a/drops/drp_1"],
  [(api) => api.openDrop("a", "drp_1"), "POST", "/v1/rooms/a/drops/drp_1/open"],
  [(api) => api.closeDrop("a", "drp_1"), "POST", "/v1/rooms/a/drops/drp_1/close", { reason: "" }],
  [
    (api) => api.topUpDrop("a", "drp_1", { add: 2, expected_quantity: 3 }),
    "POST",
    "/v1/rooms/a/drops/drp_1/top-up",
    { add: 2, expected_quantity: 3 },
  ],
  [
    (api) => api.editDrop("a", "drp_1", { at: null }),
    "PATCH",
    "/v1/rooms/a/drops/drp_1",
    { at: null },
  ],
  [(api) => api.deleteDrop("a", "drp_1"), "DELETE", "/v1/rooms/a/drops/drp_1"],
  [
    (api) => api.reopenDrop("a", "drp_1", { quantity: 1, closes: "open_end" }),
    "POST",
    "/v1/rooms/a/drops/drp_1/reopen",
    { quantity: 1, closes: "open_end" },
  ],
  [
    (api) => api.putRunningOrder("a", [{ drop_id: "drp_1", minute: 5 }]),
    "PUT",
    "/v1/rooms/a/running-order",
    { entries: [{ drop_id: "drp_1", minute: 5 }] },
  ],
  [
    (api) => api.putRunningOrder("a", [], "5d0c"),
    "PUT",
    "/v1/rooms/a/running-order",
    { entries: [], version: "5d0c" },
  ],
  [(api) => api.getRunningOrder("a"), "GET", "/v1/rooms/a/running-order"],
  [
    (api) => api.holdRunningOrder("a", "late"),
    "POST",
    "/v1/rooms/a/running-order/hold",
    { reason: "late" },
  ],
  [(api) => api.resumeRunningOrder("a"), "POST", "/v1/rooms/a/running-order/resume"],
  [(api) => api.startClass("a"), "POST", "/v1/rooms/a/running-order/start"],
  [
    (api) => api.tellPosition("a", 9),
    "POST",
    "/v1/rooms/a/running-order/position",
    { video_seconds: 9 },
  ],
  [
    (api) => api.extendDrop("a", "drp_1", { seconds: 60, expected_closes_at: "t" }),
    "POST",
    "/v1/rooms/a/drops/drp_1/extend",
    { seconds: 60, expected_closes_at: "t" },
  ],
  [
    (api) => api.dropClaims("a", "drp_1", { student: "s" }),
    "GET",
    "/v1/rooms/a/drops/drp_1/claims?student=s",
  ],
  [(api) => api.snapshot("a:b"), "GET", "/v1/rooms/a%3Ab/snapshot"],
  [(api) => api.claim("drp_1", "r1"), "POST", "/v1/drops/drp_1/claims", { request_id: "r1" }],
  [(api) => api.couponQr("cpn_1"), "GET", "/v1/me/coupons/cpn_1/qr.svg?size=480"],
  [(api) => api.myCoupons({ state: "usable" }), "GET", "/v1/me/coupons?state=usable"],
  [(api) => api.quote({ coupons: "best" }), "POST", "/v1/quotes", { coupons: "best" }],
  [(api) => api.lockRedemption({ order_id: "o" }), "POST", "/v1/redemptions", { order_id: "o" }],
  [(api) => api.getRedemption("rdm_1"), "GET", "/v1/redemptions/rdm_1"],
  [(api) => api.findRedemption("o/1"), "GET", "/v1/redemptions?order_id=o%2F1"],
  [(api) => api.confirmRedemption("rdm_1"), "POST", "/v1/redemptions/rdm_1/confirm", {}],
  [(api) => api.cancelRedemption("rdm_1"), "POST", "/v1/redemptions/rdm_1/cancel"],
  [(api) => api.myBalance(), "GET", "/v1/me/balance"],
  [(api) => api.getOrder("o 1"), "GET", "/v1/orders/o%201"],
  [(api) => api.getCoupon("A-1"), "GET", "/v1/coupons/A-1"],
  [(api) => api.listActs({ subject: "bat_1" }), "GET", "/v1/acts?subject=bat_1"],
  [
    (api) => api.refund("o 1", { refund_id: "r" }),
    "POST",
    "/v1/orders/o%201/refunds",
    { refund_id: "r" },
  ],
  [(api) => api.live(), "GET", "/livez"],
  [(api) => api.ready(), "GET", "/readyz"],
  [(api) => api.metrics(), "GET", "/metrics"],
  [(api) => api.openapi(), "GET", "/openapi.json"],
];

for (const [call, method, target, body] of CALLS) {
  test(`asks ${method} ${target}`, async () => {
    const { asked, fetch } = answering({ body: { ok: true } });
    const api = new Api({ url: "http://x.test/", getToken: () => "t1", fetch });
    assert.deepEqual(await call(api), { ok: true });
    assert.equal(asked[0].method, method);
    assert.equal(asked[0].url, `http://x.test${target}`);
    assert.equal(asked[0].headers.Authorization, "Bearer t1");
    assert.deepEqual(asked[0].body && JSON.parse(asked[0].body), body);
  });
}

test("creating calls carry their idempotency key, a new version the one it replaces", async () => {
  const { asked, fetch } = answering();
  const api = new Api({ url: "http://x.test", fetch });
  await api.createDrop("a", /** @type {any} */ ({}), { idempotencyKey: "k1" });
  await api.replaceTemplate("tpl_1", 3, /** @type {any} */ ({}));
  assert.equal(asked[0].headers["Idempotency-Key"], "k1");
  assert.equal(asked[1].headers["If-Match"], "3");
  assert.equal(asked[0].headers.Authorization, undefined);
});

for (const body of [{ code: "token_expired" }, { code: "token_invalid", reason: "revoked" }]) {
  test(`after ${body.code} the token is renewed once and the call repeated`, async () => {
    const headers = { "Content-Type": "application/problem+json" };
    const { asked, fetch } = answering({ status: 401, headers, body }, {});
    let tokens = 0;
    const api = new Api({ url: "http://x.test", getToken: () => `t${++tokens}`, fetch });
    await api.getBatch("bat_1");
    assert.deepEqual(
      asked.map(({ headers }) => headers.Authorization),
      ["Bearer t1", "Bearer t2"],
    );
  });
}

test("an expired token is not sent again where there is no other", async () => {
  const headers = { "Content-Type": "application/problem+json" };
  const { asked, fetch } = answering({ status: 401, headers, body: { code: "token_expired" } });
  const tokens = ["t1"];
  const getToken = () => {
    const token = tokens.pop();
    if (!token) throw new ApiError("token_expired", 401);
    return token;
  };
  const api = new Api({ url: "http://x.test", getToken, fetch });
  for (const _ of [1, 2])
    await assert.rejects(api.getBatch("bat_1"), (error) => error.code === "token_expired");
  assert.equal(asked.length, 1);
});

async function refused(answer) {
  const api = new Api({ url: "http://x.test", ...answering(answer) });
  return api.getBatch("bat_1").then(assert.fail, (error) => error);
}

test("a problem becomes an error with its code and facts", async () => {
  const headers = { "Content-Type": "application/problem+json", "Retry-After": "2" };
  const body = { code: "stock_short", available: 3, detail: "3 left" };
  const error = await refused({ status: 409, headers, body });
  assert.ok(error instanceof ApiError);
  assert.deepEqual([error.code, error.status, error.retryable], ["stock_short", 409, false]);
  assert.deepEqual([error.facts.available, error.message, error.retryAfterMs], [3, "3 left", 2000]);
});

for (const [status, code, retryable] of [
  [502, "unavailable", true],
  [429, "rate_limited", true],
  [413, "too_large", false],
  [418, "unknown", false],
]) {
  test(`a proxy's ${status} gets a code too, even where it calls itself JSON`, async () => {
    const error = await refused({ status, body: "<html>" });
    assert.deepEqual([error.code, error.retryable], [code, retryable]);
  });
}

test("a server out of reach may be asked again", async () => {
  const fetch = async () => {
    throw new TypeError("fetch failed");
  };
  const api = new Api({ url: "http://x.test", fetch });
  await assert.rejects(api.ready(), { code: "unreachable", status: 0, retryable: true });
});

test("a call that takes too long is given up without AbortSignal.timeout", async (t) => {
  t.mock.method(AbortSignal, "timeout", undefined);
  const fetch = (/** @type {any} */ _, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const api = new Api({ url: "http://x.test", fetch, deadlineMs: 5 });
  await assert.rejects(api.ready(), { code: "unreachable" });
});

test("a fault of ours is not told as the network's", async () => {
  const body = {
    get x() {
      throw new RangeError("ours");
    },
  };
  const api = new Api({ url: "http://x.test", ...answering() });
  await assert.rejects(api.createTemplate(/** @type {any} */ (body)), RangeError);
});

test("a claim that met a fault of ours is refused with it, and not sent again", async (t) => {
  t.mock.method(console, "error", () => {});
  const api = anyApi();
  api.claim = async () => {
    throw new RangeError("ours");
  };
  let now = 0;
  const { client } = await joined({ api, now: () => now, wallNow: () => now });
  const tapped = client.claim("drp_1");
  now += 2_000;
  client._do(client._session.tick(now));
  assert.equal(await tapped, "fault");
  client.stop();
});

test("a token is fetched once for all who wait for it", async () => {
  let asked = 0;
  const getToken = async () => `t${++asked}`;
  const api = new Api({ url: "http://x.test", getToken, ...answering() });
  await Promise.all([api.getBatch("a"), api.getBatch("b"), api.freshToken()]);
  assert.equal(asked, 1);
});

test("texts: language, limits, facts, and words of a later version", () => {
  assert.equal(
    outcomeText("limit_reached", "en", { limit: "device" }),
    "This device has used up its claims.",
  );
  assert.match(errorText("stock_short", "zh", { available: 3 }), /还剩 3 张/);
  assert.match(errorText("limit_reached", "en", { limit: "campaign" }), /in this campaign/);
  assert.equal(closeText(4501, "en"), errorText("token_invalid", "en"));
  assert.notEqual(closeText(4321, "en"), closeText(4777, "en"));
  const claim = /** @type {const} */ ({ drop_id: "d", state: "refused", outcome: "not_found" });
  assert.equal(claimText(claim, "en"), errorText("not_found", "en"));
  assert.equal(typeof outcomeText("golden_ticket"), "string");
});

test("a refusal is explained in one sentence", () => {
  const why = { reason: "taken", units: 500, after_ms: 412, tap: 1204 };
  const sentence = "500 coupons; yours was tap 1,204, 412 ms after the last one went.";
  assert.equal(whyText(why, "en"), sentence);
  const ofOne = { ...why, units: 1 };
  assert.equal(whyText(ofOne, "en"), "1 coupon; yours was tap 1,204, 412 ms after it went.");
  assert.equal(
    claimText({ drop_id: "d", state: "refused", outcome: "sold_out", why }, "en"),
    sentence,
  );
  assert.equal(
    whyText({ reason: "limit", limit: "batch", most: 2, used: 2 }),
    "这种券每人最多 2 张，你已经领过 2 张。",
  );
  const task = { reason: /** @type {const} */ ("task_open"), kind: "watch", done: 3, needed: 10 };
  assert.equal(whyText(task, "en"), "Watch first: 3 of 10 min so far.");
  assert.equal(whyText({ ...task, kind: "dance" }, "en"), "Do the task first, then claim.");
  assert.equal(whyText({ reason: "ended", after_ms: 1290 }), "你点击时，领取已经结束 1.2 秒。");
});
