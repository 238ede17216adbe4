// What the office's forms of triggers, packs and lotteries ask for, conditions as text, and acts in words. Run by
// `node --test`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  actText,
  actThings,
  pageOfId,
} from "../../../../server/pages/static/office/system/act-text.js";
import { lotteryOf } from "../../../../server/pages/static/office/automatic/lottery-body.js";
import { packOf } from "../../../../server/pages/static/office/automatic/pack-body.js";
import { ruleOf, ruleText } from "../../../../server/pages/static/office/automatic/rule-text.js";
import { closable } from "../../../../server/pages/static/office/system/stop-room.js";
import { triggerOf } from "../../../../server/pages/static/office/automatic/trigger-body.js";

test("an act is said in both languages, and one that is not known as it is", () => {
  assert.equal(actText("batch.stopped", "en"), "batch: stopped");
  assert.equal(actText("batch.stopped", "zh"), "批次：已停止");
  assert.equal(actText("moon.landed", "en"), "moon: landed");
  assert.ok(actThings("en").some(([name]) => name === "webhook"));
});

test("every act that the server records has words in Chinese", () => {
  const source = new URL("../../../../server/core/acts.py", import.meta.url);
  const acts = [...readFileSync(source, "utf8").matchAll(/ = "(\w+)\.(\w+)"/g)];
  assert.ok(acts.length > 40);
  const unsaid = acts.filter(([, thing, done]) => {
    const [what, how] = actText(`${thing}.${done}`, "zh").split("：");
    return what === thing || how === done;
  });
  assert.deepEqual(
    unsaid.map(([, thing, done]) => `${thing}.${done}`),
    [],
  );
});

test("an id leads to the page that shows it, where there is one", () => {
  assert.equal(pageOfId("trg_1", new Set(["triggers"])), "triggers");
  assert.equal(pageOfId("trg_1", new Set()), null);
  assert.equal(pageOfId("ann", new Set(["triggers"])), null);
});

test("lines become conditions with numbers, texts, lists and truth, and come back as text", () => {
  const rule = ruleOf('data.minutes >= 30\ncity in "7", Berlin\n\nnew = true\nspent>=9.5');
  assert.deepEqual(rule, {
    all: [
      { fact: "data.minutes", op: ">=", value: 30 },
      { fact: "city", op: "in", value: ["7", "Berlin"] },
      { fact: "new", op: "=", value: true },
      { fact: "spent", op: ">=", value: 9.5 },
    ],
  });
  assert.equal(
    ruleText(rule),
    "data.minutes >= 30 & city in 7, Berlin & new = true & spent >= 9.5",
  );
  assert.equal(ruleOf(" \n"), undefined);
  assert.equal(ruleText(undefined), "");
  assert.equal(ruleText({ any: [{ all: [{ fact: "a", op: "=", value: 1 }] }] }), "(a = 1)");
});

test("a line that is no condition is a fact that the server refuses", () => {
  assert.deepEqual(ruleOf("nonsense"), { all: [{ fact: "nonsense", op: "=", value: "" }] });
});

test("a trigger's form sends what was filled in and nothing else", () => {
  const values = {
    name: "revision",
    "when.event": "lesson_finished",
    "when.conditions": "",
    "then.batch_id": "bat_1",
    "then.pack_id": "",
    "limits.per_student": "2",
    "limits.per_day": "",
    "limits.total": "100",
    "window.from": "",
    "window.until": "2030-01-01T10:00",
  };
  assert.deepEqual(triggerOf(values), {
    name: "revision",
    when: { event: "lesson_finished" },
    then: { batch_id: "bat_1" },
    limits: { per_student: 2, total: 100 },
    window: { until: new Date("2030-01-01T10:00").toISOString() },
  });
});

test("a pack has coupons together, or another for each audience", () => {
  const places = { "items.0.batch_id": "bat_1", "items.0.count": "2", "items.1.batch_id": "bat_2" };
  assert.deepEqual(packOf({ name: "welcome", kind: "items", ...places }), {
    name: "welcome",
    items: [
      { batch_id: "bat_1", count: 2 },
      { batch_id: "bat_2", count: 1 },
    ],
  });
  const audiences = { "variants.0.audience_id": "aud_1", "variants.1.audience_id": "" };
  assert.deepEqual(packOf({ name: "welcome", kind: "variants", ...places, ...audiences }), {
    name: "welcome",
    variants: [{ batch_id: "bat_1", audience_id: "aud_1" }, { batch_id: "bat_2" }],
  });
});

test("what is left of a lottery's odds is for nothing", () => {
  const values = { name: "wheel", "chances.per_student": "1", face: "box", empty_policy: "next" };
  const first = {
    "prizes.0.batch_id": "bat_1",
    "prizes.0.ppm": "0.5",
    "prizes.0.quantity": "10",
  };
  assert.deepEqual(lotteryOf({ ...values, ...first }), {
    name: "wheel",
    prizes: [
      { batch_id: "bat_1", ppm: 5_000, quantity: 10 },
      { batch_id: null, ppm: 995_000 },
    ],
    chances: { per_student: 1 },
    face: "box",
    empty_policy: "next",
  });
  const all = { "prizes.0.batch_id": "bat_1", "prizes.0.ppm": "100" };
  assert.deepEqual(lotteryOf({ ...values, ...all }).prizes, [
    { batch_id: "bat_1", ppm: 1_000_000 },
  ]);
});

test("a room that is stopped closes what is open or about to open", () => {
  const drops = /** @type {const} */ ([
    { id: "drp_1", state: "open" },
    { id: "drp_2", state: "closed" },
    { id: "drp_3", state: "scheduled" },
    { id: "drp_4", state: "prepared" },
  ]);
  assert.deepEqual(closable(drops), ["drp_1", "drp_3"]);
});
