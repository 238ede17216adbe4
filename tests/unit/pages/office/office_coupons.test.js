// Templates and batches as the values of a form. Run by `node --test`.

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

// Pages import the SDK from /sdk/, where the server shows it.
const SDK = new URL("../../../../client_sdk/javascript/", import.meta.url).href;
const HOOKS = `export const resolve = (name, context, next) =>
  next(name.startsWith("/sdk/") ? new URL(name.slice(5), "${SDK}").href : name, context);`;
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
const COUPONS = new URL("../../../../server/pages/static/office/coupons/", import.meta.url).href;
const { actsOfBatch, batchEditOf, batchOf, roomsIn, stateOfBatch, valuesOfBatch } = await import(
  `${COUPONS}batch-values.js`
);
const { idsIn, templateOf, valuesOfTemplate } = await import(`${COUPONS}template-values.js`);
const { taskOf } = await import(`${COUPONS}task-fields.js`);

const TEMPLATE = {
  id: "tpl_1",
  version: 3,
  name: "spring",
  description: "",
  currency: "CNY",
  discount: { kind: "amount_off", amount: 1250 },
  threshold: { min_amount: 10000 },
  scope: { courses: ["a", "b"], packages: [] },
  validity: {
    kind: "fixed",
    from: "2026-12-01T00:00:00.000Z",
    until: "2026-12-31T15:59:59.999Z",
  },
  deducts: ["goods", "shipping"],
  stacking: { class: "order", combines_with: ["product"] },
  returns: {
    after_cancel: "back",
    after_refund: "kept",
    after_partial_refund: "kept",
    broken_threshold: "keep",
  },
  metadata: { owner: "kim" },
  created_at: "2026-11-01T00:00:00.000Z",
};
const DISCOUNTS = [
  { kind: "percent_off", percent: 20, max_amount: 5000, of: "lines" },
  { kind: "items_free", from_items: 3, free_items: 1 },
  { kind: "gift", course: "art", list_price: 9900, quantity: 2, name: "Art" },
  {
    kind: "rebate",
    credit: { kind: "percent_off", percent: 5 },
    after: "return_window",
    return_window_days: 7,
  },
  { kind: "rebate", credit: { kind: "amount_off", amount: 500 }, after: "payment" },
];
const BATCH = {
  id: "bat_1",
  name: "first",
  quantity: 100,
  remaining: 40,
  channel: "live",
  per_student: 1,
  per_person: 1,
  code_prefix: "",
  rooms: [
    { room: "algebra-7", quantity: 30, remaining: 3 },
    { room: "art", quantity: null, remaining: null },
  ],
  claim_window: { from: "2026-12-01T00:00:00.500Z", until: "2026-12-31T15:59:59.999Z" },
};

test("a template that is saved unchanged is the same, to the millisecond", () => {
  const { id, version, created_at, description, ...form } = TEMPLATE;
  assert.ok(id && version && created_at && description === "");
  assert.deepEqual(templateOf(valuesOfTemplate(TEMPLATE), TEMPLATE), form);
});

for (const discount of DISCOUNTS)
  test(`a discount comes back from its fields: ${JSON.stringify(discount)}`, () => {
    const values = valuesOfTemplate({ ...TEMPLATE, discount });
    assert.deepEqual(templateOf(values).discount, discount);
  });

test("days are seconds, and a wait is there only where it is asked for", () => {
  const values = { ...valuesOfTemplate(TEMPLATE), "validity.kind": "relative" };
  const relative = { ...values, "validity.seconds": "1.5" };
  assert.deepEqual(templateOf(relative).validity, { kind: "relative", seconds: 129600 });
  assert.equal(
    templateOf({ ...relative, "validity.wait_seconds": "2" }).validity.wait_seconds,
    172800,
  );
});

test("a change of a batch has what was changed, with the quantity that was seen", () => {
  assert.deepEqual(batchEditOf(valuesOfBatch(BATCH), BATCH), {});
  const values = { ...valuesOfBatch(BATCH), quantity: "150", name: "second" };
  assert.deepEqual(batchEditOf(values, BATCH), {
    name: "second",
    quantity: 150,
    expected_quantity: 100,
  });
});

test("a later end keeps the beginning as it was", () => {
  const values = { ...valuesOfBatch(BATCH), "claim_window.until": "2027-01-05T10:00" };
  assert.deepEqual(batchEditOf(values, BATCH), {
    claim_window: {
      from: BATCH.claim_window.from,
      until: new Date("2027-01-05T10:00").toISOString(),
    },
  });
});

test("a new batch has what was filled in and nothing else", () => {
  const values = { name: "n", quantity: "", channel: "live", per_student: "2" };
  assert.deepEqual(batchOf(values, "tpl_1"), {
    template_id: "tpl_1",
    name: "n",
    quantity: null,
    channel: "live",
    per_student: 2,
  });
  const more = batchOf({ ...values, hold_seconds: "1.5", remind_before: "72, 24" }, "tpl_1");
  assert.deepEqual([more.hold_seconds, more.remind_before], [90, [72, 24]]);
});

test("rooms stand one a line, with or without a quota; ids are separated as people do", () => {
  assert.deepEqual(roomsIn("algebra-7 30\n\n art \n"), [
    { room: "algebra-7", quantity: 30 },
    { room: "art" },
  ]);
  assert.deepEqual(idsIn(" a,b，c、d\ne "), ["a", "b", "c", "d", "e"]);
});

test("the state of a batch: what is stopped goes before what is over", () => {
  const now = Date.parse("2026-12-05T00:00:00Z");
  assert.equal(stateOfBatch(BATCH, now), "running");
  assert.equal(stateOfBatch({ ...BATCH, remaining: 0 }, now), "empty");
  assert.equal(stateOfBatch(BATCH, Date.parse("2026-11-05T00:00:00Z")), "coming");
  assert.equal(stateOfBatch(BATCH, Date.parse("2027-02-05T00:00:00Z")), "over");
  const stopped = { claims: true, use: false, reason: "", changed_by: "", changed_at: "" };
  assert.equal(stateOfBatch({ ...BATCH, stopped }, Date.parse("2027-02-05T00:00:00Z")), "paused");
  assert.equal(stateOfBatch({ ...BATCH, stopped: { ...stopped, use: true } }, now), "stopped");
});

test("the right option of a question has a star, else it is the first", () => {
  const values = { "task.kind": "answer", "task.question": "2+2", "task.options": "3\n* 4\n5" };
  assert.deepEqual(taskOf(values), {
    kind: "answer",
    question: "2+2",
    options: ["3", "4", "5"],
    right: 1,
  });
  assert.equal(taskOf({ ...values, "task.options": "4\n5" })?.right, 0);
  assert.equal(taskOf({ "task.kind": "" }), undefined);
});

test("a batch that has ended for good is neither resumed nor ended again", () => {
  const words = (/** @type {object} */ batch) =>
    actsOfBatch(batch).map((/** @type {{word: string}} */ act) => act.word);
  const ended = { at: "2026-12-01T00:00:00.000Z", by: "olga", reason: "sold" };
  const stopped = { claims: true, use: false, reason: "sold", changed_by: "olga", changed_at: "" };

  assert.deepEqual(words({}), ["batch_pause", "batch_stop", "batch_end"]);
  assert.deepEqual(words({ stopped }), ["batch_stop", "batch_resume", "batch_end"]);
  assert.deepEqual(words({ ended, stopped }), ["batch_stop_use"]);
  assert.deepEqual(words({ ended, stopped: { ...stopped, use: true } }), ["batch_resume_use"]);
  assert.equal(stateOfBatch({ ended, stopped, remaining: 5 }, 0), "ended");
});
