// @ts-check
/** One batch: its stock, its rooms, top-up, pause and stop, its codes, its links, and what was sent of it. */

import { h } from "/sdk/element/dom.js";
import { shortValue } from "/sdk/element/value.js";
import { addressOf } from "../shared/address.js";
import { budgetBar } from "../promotions/budget-bar.js";
import { saveVersion } from "../shared/conflict-dialog.js";
import { detail, idLink } from "../shared/detail.js";
import { askReason } from "../shared/dialog.js";
import { form } from "../shared/form.js";
import { metadataPart } from "../shared/metadata.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";
import { batchFields } from "./batch-fields.js";
import { actsOfBatch, batchEditOf, stateOfBatch, valuesOfBatch } from "./batch-values.js";
import { codesPart } from "./codes-part.js";
import { linksPart } from "./links-part.js";

/** @import { Batch } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view @returns {Promise<Node>} */
export async function batchPage(host, view) {
  const batch = await host.api.getBatch(view.id);
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, batch.name),
    facts(host, batch),
    stockPart(host, batch),
    batch.rooms && roomsPart(host, batch),
    host.mayWrite && buttons(host, batch),
    host.mayWrite && !batch.ended && editPart(host, batch),
    metadataPart(host, batch, {
      read: () => host.api.getBatch(batch.id),
      write: (metadata, seen) => host.api.editBatch(batch.id, seen.version, { metadata }),
    }),
    linksPart(host, view, batch),
    codesPart(host, view, batch),
  );
}

/** @param {Host} host @param {Batch} batch */
function facts(host, batch) {
  const { language } = host;
  const { template, claim_window: window } = batch;
  return detail([
    [language.say("coupon_id"), batch.id],
    [language.say("coupon_state"), language.say(`batch_${stateOfBatch(batch, Date.now())}`)],
    [language.say("batch_stop_reason"), !batch.ended && stopText(batch)],
    [language.say("batch_ended_why"), endText(host, batch)],
    [
      language.say("coupon_worth"),
      shortValue(template.discount, template.currency, language.current),
    ],
    [
      language.say("template_title"),
      idLink("coupons", batch.template_id, `${template.name} · ${batch.template_version}`),
    ],
    [language.say("bat_campaign"), batch.campaign_id && idLink("campaigns", batch.campaign_id)],
    [language.say("bat_channel"), batch.channel],
    [language.say("bat_per_student"), String(batch.per_student)],
    [language.say("bat_from"), timeText(host, window?.from)],
    [language.say("bat_until"), timeText(host, window?.until)],
    [language.say("bat_tags"), batch.claim_conditions?.tags?.join(", ")],
  ]);
}

/** @param {Batch} batch */
const stopText = ({ stopped }) =>
  stopped && (stopped.claims || stopped.use) && [stopped.reason, stopped.changed_by].join(" · ");

/** @param {Host} host @param {Batch} batch */
const endText = (host, { ended }) =>
  ended && [ended.reason, ended.by, timeText(host, ended.at)].join(" · ");

/** @param {Host} host @param {Batch} batch */
function stockPart({ language }, { quantity, remaining, droppable }) {
  const all = quantity ?? 0;
  const left = remaining ?? 0;
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, language.say("batch_stock")),
    quantity !== null &&
      budgetBar({ amount: all, free: left, exposed: 0, settled: all - left, warnings: [] }),
    quantity === null
      ? h("p", null, language.say("batch_unlimited"))
      : detail([
          [language.say("batch_all"), String(all)],
          [language.say("batch_out"), String(all - left)],
          [language.say("batch_left"), String(left)],
          [language.say("batch_droppable"), String(droppable)],
        ]),
  );
}

/** @param {Host} host @param {Batch} batch */
function roomsPart({ language }, { rooms = [] }) {
  const cell = (/** @type {number|null} */ count) =>
    h("td", { class: "number" }, count === null ? language.say("batch_no_quota") : String(count));
  const head = ["bat_room", "batch_quota", "batch_left"].map((key, index) =>
    h("th", { scope: "col", class: index > 0 && "number" }, language.say(key)),
  );
  return h(
    "section",
    { class: "stack" },
    h("h4", null, language.say("batch_rooms")),
    h(
      "div",
      {
        class: "office-scroll",
        tabindex: "0",
        role: "region",
        "aria-label": language.say("batch_rooms"),
      },
      h(
        "table",
        null,
        h("caption", { class: "spoken" }, language.say("batch_rooms")),
        h("thead", null, h("tr", null, ...head)),
        h(
          "tbody",
          null,
          ...rooms.map(({ room, quantity, remaining }) =>
            h("tr", null, h("td", null, room), cell(quantity), cell(remaining)),
          ),
        ),
      ),
    ),
  );
}

/** Pause, stop, resume, end, and the way to send. @param {Host} host @param {Batch} batch */
function buttons(host, batch) {
  const { api, language } = host;
  const problem = h("div");
  const press = async (
    /** @type {import("./batch-values.js").BatchAct} */ { word, call, form },
  ) => {
    const reason = await askReason(host, language.say(`${word}_ask`), language.say(word));
    if (reason === null) return;
    try {
      await api[call](batch.id, { ...form, reason });
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  const link = (/** @type {string} */ word, /** @type {string} */ href) =>
    h("a", { class: "office-button", href }, language.say(word));
  return h(
    "div",
    { class: "stack" },
    problem,
    h(
      "div",
      { class: "office-row" },
      !batch.ended &&
        link("batch_send", addressOf({ page: "sends", id: "new", filters: { batch: batch.id } })),
      link("batch_sent", addressOf({ page: "sends", filters: { batch_id: batch.id } })),
      ...actsOfBatch(batch).map((act) =>
        h(
          "button",
          {
            class: act.call === "endBatch" ? "plain-button danger" : "plain-button",
            type: "button",
            onclick: () => void press(act),
          },
          language.say(act.word),
        ),
      ),
    ),
  );
}

/** @param {Host} host @param {Batch} batch */
function editPart(host, batch) {
  const { api, language } = host;
  const fields = batchFields(host, valuesOfBatch(batch), null);
  const edit = form(host, fields, {
    button: language.say("batch_save"),
    bodyOf: (values) => values,
    send: async (mine) => {
      const isSaved = await saveVersion(host, {
        seen: batch,
        mine,
        fields,
        valuesOf: valuesOfBatch,
        read: () => api.getBatch(batch.id),
        write: (values, seen) => api.editBatch(batch.id, seen.version, batchEditOf(values, seen)),
      });
      if (isSaved) host.refresh();
    },
  });
  const part = (/** @type {string} */ title, /** @type {Node} */ node) =>
    h("details", { class: "panel" }, h("summary", null, language.say(title)), node);
  return h(
    "div",
    { class: "stack" },
    batch.quantity !== null && part("batch_top_up", topUp(host, batch)),
    part("batch_edit", edit),
  );
}

/** @param {Host} host @param {Batch} batch */
function topUp(host, batch) {
  const { api, language } = host;
  const field = /** @type {const} */ ({
    name: "quantity",
    label: language.say("batch_add"),
    type: "number",
    isRequired: true,
  });
  return form(host, [field], {
    button: language.say("batch_top_up"),
    bodyOf: ({ quantity }) => ({
      quantity: (batch.quantity ?? 0) + Number(quantity),
      expected_quantity: batch.quantity ?? 0,
    }),
    send: async (body) => {
      await api.editBatch(batch.id, batch.version, body);
      host.refresh();
    },
  });
}
