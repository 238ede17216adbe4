// The texts of the coupon card, state by state, in both languages. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cardView, dropFacts, phaseOf } from "../../../client_sdk/javascript/element/card-view.js";
import { ticketColours } from "../../../client_sdk/javascript/element/style.js";
import { useHref } from "../../../client_sdk/javascript/element/use-link.js";
import {
  bigValue,
  countdown,
  money,
  shortValue,
  span,
} from "../../../client_sdk/javascript/element/value.js";
import { spoken } from "../../../client_sdk/javascript/element/words.js";

const NOW = Date.parse("2026-03-01T10:00:00.000Z");
const DROP = {
  id: "drp_1",
  state: "open",
  name: "Spring",
  description: "",
  message: "",
  currency: "CNY",
  discount: { kind: "amount_off", amount: 1000 },
  threshold: { min_amount: 10000 },
  scope: { courses: [], packages: [] },
  validity: { kind: "relative", seconds: 604800 },
  mode: "first",
  quantity: 10,
  remaining: 4,
  opens_at: "2026-03-01T09:59:00.000Z",
  closes_at: "2026-03-01T10:01:05.000Z",
};
const PERCENT = { kind: "percent_off", percent: 20, max_amount: 3000 };
const COUPON = { id: "cpn_1", code: "AB-12", name: "Spring", use_by: "2026-03-08T10:00:00.000Z" };

/** @param {object} drop @param {object} [claim] @param {number} [since] */
const view = (drop, claim, since = NOW, language = "en") =>
  cardView(
    { ...DROP, ...drop },
    claim && { drop_id: "drp_1", ...claim },
    { now: NOW, since },
    language,
  );

test("an open drop can be claimed and counts down by server time", () => {
  const { phase, button, clock, left } = view({});
  assert.deepEqual([phase, button?.enabled, clock?.text, left], ["open", true, "1:05", "4 left"]);
});

test("a scheduled drop counts down to its opening and cannot be pressed", () => {
  const { button, clock } = view({ state: "scheduled", opens_at: "2026-03-01T10:00:09.200Z" });
  assert.deepEqual([button?.enabled, clock?.label, clock?.text], [false, "Opens in", "0:10"]);
});

test("a rehearsal's coupon is not said to be in the wallet", () => {
  const coupon = { id: "cpn_1", code: "TEST-1", use_by: "2026-03-02T10:00:00Z" };
  const claim = { state: "confirmed", coupon };
  assert.match(view({}, claim).note, /in your wallet/);
  assert.equal(view({ rehearsal: true }, claim).note, "A rehearsal's coupon is in no wallet.");
});

test("a tap says claiming at once, and that it still tries when it takes long", () => {
  assert.equal(view({}, { state: "pending" }).button?.text, "Claiming…");
  assert.equal(view({}, { state: "pending" }, NOW - 3000).button?.text, "Still trying…");
});

test("without a network a tap is kept and said to be, instead of busy", () => {
  const out = (/** @type {string} */ why, language = "en") =>
    cardView(
      { ...DROP },
      { drop_id: "drp_1", state: "pending" },
      { now: NOW, since: NOW - 3000, out: why, asOf: "14:32:05" },
      language,
    );
  assert.equal(out("offline").button?.text, "Waiting for the network…");
  assert.match(out("offline").note, /You are offline. We keep your tap/);
  assert.match(out("cut").note, /The server does not answer. We keep your tap/);
  assert.match(out("offline", "zh").note, /你已离线/);
});

test("a count that is not of this moment says of which it is", () => {
  const left = (/** @type {string|null} */ out) =>
    cardView({ ...DROP }, undefined, { now: NOW, since: NOW, out, asOf: "14:32:05" }, "en").left;
  assert.equal(left("offline"), "4 left (as of 14:32:05)");
  assert.equal(left(null), "4 left");
});

test("saving is only said when a second has passed without confirmation", () => {
  assert.deepEqual(
    [view({}, { state: "won" }).headline, view({}, { state: "won" }).note],
    ["You got it!", ""],
  );
  assert.equal(view({}, { state: "won" }, NOW - 1001).note, "Saving…");
});

test("the code is shown when it can no longer be lost, and not before", () => {
  assert.equal(view({}, { state: "won", coupon: COUPON }).coupon, null);
  assert.equal(view({}, { state: "confirmed", coupon: COUPON }).coupon?.code, "AB-12");
});

test("sold out stays in case units come back, and can be tried again when they do", () => {
  const missed = { state: "refused", outcome: "sold_out" };
  assert.equal(view({ state: "sold_out", remaining: 0 }, missed).phase, "sold_out");
  assert.equal(view({ state: "sold_out", remaining: 0 }, missed).button, null);
  assert.equal(view({ remaining: 1 }, missed).button?.enabled, true);
});

test("who missed it is told when units have come back, in both languages", () => {
  const missed = { state: "refused", outcome: "sold_out" };
  const { headline, button, left } = view({ remaining: 1 }, missed);
  assert.deepEqual([headline, button?.text, left], ["Some came back", "Try again", "1 left"]);
  assert.match(view({ remaining: 1 }, missed, NOW, "zh").headline, /放出来/);
});

test("a held coupon counts down to its use_by, next to the date", () => {
  const coupon = { ...COUPON, use_by: "2026-03-01T10:04:32.000Z" };
  const { clock, note } = view(
    { hold_seconds: 300, state: "closed" },
    { state: "confirmed", coupon },
  );
  assert.deepEqual([clock?.label, clock?.text], ["Held for you", "4:32"]);
  assert.match(note, /Use it by/);
});

test("without a hold, after it, and for days there is no countdown", () => {
  const clockOf = (/** @type {object} */ drop, /** @type {string} */ use_by) =>
    view(drop, { state: "confirmed", coupon: { ...COUPON, use_by } }).clock;
  assert.equal(clockOf({}, "2026-03-01T10:04:32.000Z"), null);
  assert.equal(clockOf({ hold_seconds: 60 }, "2026-03-01T10:00:00.000Z"), null);
  assert.equal(clockOf({ hold_seconds: 604800 }, COUPON.use_by), null);
});

test("what went back is explained, and nothing can be pressed", () => {
  for (const [language, words] of /** @type {const} */ ([
    ["en", /not use .* in time/],
    ["zh", /保留时间/],
  ])) {
    const { headline, button, clock, coupon } = view({}, { state: "released" }, NOW, language);
    assert.match(headline, words);
    assert.deepEqual([button, clock, coupon], [null, null, null]);
  }
});

test("a refusal about the drop is told by the drop, one about me by its reason", () => {
  assert.equal(view({}, { state: "refused", outcome: "not_open" }).phase, "open");
  const limit = view(
    {},
    { state: "refused", outcome: "limit_reached", limit: "device" },
    NOW,
    "zh",
  );
  assert.match(limit.headline, /这台设备/);
  assert.equal(limit.button, null);
});

test("what is over is quiet: closed, released, and revoked with an apology", () => {
  assert.equal(view({ state: "closed", close_reason: "ended" }).quiet, true);
  assert.equal(view({ state: "closed" }, { state: "released" }).quiet, true);
  assert.match(view({}, { state: "revoked" }).headline, /sorry/);
});

test("a confirmed coupon outlives its drop", () => {
  assert.equal(
    phaseOf({ ...DROP, state: "closed" }, { drop_id: "drp_1", state: "confirmed" }),
    "confirmed",
  );
});

test("amounts and percentages in the words of each language", () => {
  assert.deepEqual(bigValue(DROP.discount, "CNY", "zh"), { before: "¥", figure: "10", after: "" });
  assert.equal(shortValue(DROP.discount, "CNY", "en"), "¥10 off");
  assert.equal(shortValue(PERCENT, "CNY", "zh"), "8折");
  assert.equal(shortValue(PERCENT, "CNY", "en"), "20% off");
  assert.equal(shortValue({ kind: "percent_off", percent: 5 }, "CNY", "zh"), "9.5折");
  assert.equal(shortValue({ kind: "percent_off", percent: 100 }, "CNY", "zh"), "免费");
});

test("every kind of discount has its words in each language", () => {
  /** @type {[object, string, string][]} */
  const cases = [
    [{ kind: "items_free", from_items: 3, free_items: 1 }, "满3件免1件", "1 of 3 free"],
    [{ kind: "gift", course: "book-1", list_price: 900, name: "教材" }, "赠 教材", "Free: 教材"],
    [
      { kind: "gift", course: "book-1", list_price: 900, quantity: 2 },
      "赠 book-1 × 2",
      "Free: 2 × book-1",
    ],
    [
      { kind: "rebate", credit: { kind: "amount_off", amount: 1000 }, after: "payment" },
      "返¥10",
      "¥10 back",
    ],
    [
      { kind: "rebate", credit: { kind: "percent_off", percent: 10 }, after: "payment" },
      "返10%",
      "10% back",
    ],
  ];
  for (const [discount, zh, en] of cases) {
    assert.equal(shortValue(/** @type {any} */ (discount), "CNY", "zh"), zh);
    assert.equal(shortValue(/** @type {any} */ (discount), "CNY", "en"), en);
  }
});

test("a rebate says when it is credited and how much at most", () => {
  const discount = {
    kind: "rebate",
    credit: PERCENT,
    after: "return_window",
    return_window_days: 7,
  };
  const { conditions } = dropFacts(/** @type {any} */ ({ ...DROP, discount }), "zh");
  assert.deepEqual(conditions, ["满100可用", "最多返¥30", "付款满 7 天后返还"]);
  const paid = dropFacts(
    /** @type {any} */ ({ ...DROP, discount: { ...discount, after: "payment" } }),
    "en",
  );
  assert.equal(paid.conditions.at(-1), "Credited after you pay");
});

test("a coupon for shipping and one for pieces say so", () => {
  const shipping = {
    ...DROP,
    deducts: ["shipping"],
    threshold: { min_amount: 5000, min_quantity: 2 },
  };
  assert.deepEqual(dropFacts(shipping, "zh").conditions, ["满50可用", "满2件可用", "运费券"]);
  assert.deepEqual(dropFacts({ ...DROP, deducts: ["goods"] }, "zh").conditions, ["满100可用"]);
  const pieces = {
    ...DROP,
    threshold: { min_amount: 0 },
    discount: { kind: "items_free", from_items: 3, free_items: 1 },
  };
  assert.deepEqual(dropFacts(/** @type {any} */ (pieces), "zh").conditions, []);
});

test("what a scope leaves out is said", () => {
  const scope = { courses: [], packages: [], except_courses: ["c9"], sale_prices: false };
  assert.equal(
    dropFacts({ ...DROP, scope }, "zh").details[0],
    "全部课程可用，部分课程除外，特价课程不可用",
  );
});

test("minor units follow the currency", () => {
  assert.equal(money(455, "CNY", "zh"), "¥4.55");
  assert.equal(money(1000, "CNY", "zh", true), "¥10.00");
  assert.equal(money(500, "JPY", "en"), "¥500");
  assert.equal(money(-1000, "CNY", "zh", true), "-¥10.00");
});

test("conditions name threshold and cap, or that there is none", () => {
  assert.deepEqual(dropFacts(DROP, "zh").conditions, ["满100可用"]);
  const percent = { ...DROP, discount: PERCENT, threshold: { min_amount: 0 } };
  assert.deepEqual(dropFacts(percent, "zh").conditions, ["无门槛", "最多减¥30"]);
  assert.deepEqual(dropFacts(percent, "en").conditions, ["No minimum", "Up to ¥30 off"]);
});

test("a relative validity is a span after the claim", () => {
  assert.equal(dropFacts(DROP, "en").details[1], "Use within 7 days of claiming");
  assert.equal(span(3600, "en"), "1 hour");
  assert.equal(span(5400, "zh"), "90 分钟");
});

test("a clock rounds up, so that it shows 0 only when it is over", () => {
  assert.deepEqual([countdown(1), countdown(0), countdown(3_725_000)], ["0:01", "0:00", "1:02:05"]);
});

test("use now carries the code, and runs nothing", () => {
  const server = "https://drop.example";
  assert.equal(useHref(null, "A B", server), "https://drop.example/checkout?coupon=A+B");
  assert.equal(
    useHref("https://s.example/buy?c=1", "AB", server),
    "https://s.example/buy?c=1&coupon=AB",
  );
  assert.equal(useHref("https://s.example/use/{code}", "AB", server), "https://s.example/use/AB");
  assert.equal(
    useHref("javascript:alert(1)", "AB", server),
    "https://drop.example/checkout?coupon=AB",
  );
});

test("ink on a school's own colour can be read", () => {
  assert.equal(ticketColours("#1f4e79")?.ink, "#ffffff");
  assert.equal(ticketColours("#ffd54a")?.ink, "#16181a");
  assert.equal(ticketColours("red; background: url(//x)"), null);
});

test("the first language we speak is taken", () => {
  assert.deepEqual(
    [spoken(["fr", "zh-TW", "en"]), spoken(["en-GB", "zh"]), spoken(["fr"])],
    ["zh", "en", "en"],
  );
});

const MOVED = {
  locked: { order_id: "o1", locked_until: "2026-03-01T14:32:00.000Z", version: 1 },
  redeemed: { order_id: "o1", redeemed_at: "2026-03-01T09:12:00.000Z", version: 2 },
  expired: {},
  voided: { version: 2 },
};

test("a coupon on an order, used, expired or kept shows that, no code and no way to use it", () => {
  const headlines = Object.entries(MOVED).map(([state, more]) => {
    const shown = view(
      { state: "closed" },
      { state: "confirmed", coupon: { ...COUPON, state, ...more } },
    );
    assert.deepEqual(
      [shown.phase, shown.coupon, shown.button, shown.good, shown.clock],
      [state, null, null, false, null],
    );
    assert.notEqual(shown.note, "");
    assert.doesNotMatch(shown.note, /[{}…?]/);
    return shown.headline;
  });
  assert.deepEqual(headlines, ["In an order", "Used", "Expired", "No longer valid"]);
});

test("a lock says until when, in both languages", () => {
  const coupon = { ...COUPON, state: "locked", ...MOVED.locked };
  const minute = new Date(MOVED.locked.locked_until).getMinutes();
  for (const language of ["en", "zh"]) {
    assert.match(
      view({}, { state: "confirmed", coupon }, NOW, language).note,
      new RegExp(`:${minute}`),
    );
  }
});

test("a coupon that is free again can be used again, and is not news of a win", () => {
  const { phase, headline, note, coupon } = view(
    {},
    { state: "confirmed", coupon: { ...COUPON, state: "usable", version: 2 } },
  );
  assert.deepEqual([phase, headline, coupon?.code], ["confirmed", "Yours to use again", "AB-12"]);
  assert.match(note, /yours again/);
});

test("a state of a later version is shown as a coupon that is mine", () => {
  assert.equal(
    view({}, { state: "confirmed", coupon: { ...COUPON, state: "pawned", version: 3 } }).phase,
    "confirmed",
  );
});
