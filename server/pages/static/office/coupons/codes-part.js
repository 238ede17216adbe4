// @ts-check
/** The codes of a batch: make them, take them as CSV, disable those that nobody has. */

import { h } from "/sdk/element/dom.js";
import { saveFile } from "../shared/csv.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";
import { idsIn } from "./template-values.js";

/** @import { Batch, ListedCode } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view @param {Batch} batch */
export function codesPart(host, view, batch) {
  const { language } = host;
  const part = h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("codes_title")),
    h(
      "div",
      { class: "office-section" },
      host.mayWrite &&
        h("div", { class: "office-halves" }, makeForm(host, batch), voidForm(host, batch)),
    ),
  );
  const shown = () => {
    if (!part.open) return;
    part.removeEventListener("toggle", shown); // read when they are wanted, once
    part.lastElementChild?.append(codeList(host, view, batch), exportButton(host, batch));
  };
  part.addEventListener("toggle", shown);
  return part;
}

/** @param {Host} host @param {Batch} batch */
function makeForm(host, batch) {
  const { api, language } = host;
  const done = h("p", { class: "hint", role: "status" });
  const node = form(
    host,
    [
      {
        name: "quantity",
        label: language.say("codes_quantity"),
        type: "number",
        isRequired: true,
        max: 100_000,
      },
    ],
    {
      button: language.say("codes_make"),
      bodyOf: ({ quantity }) => ({ quantity: Number(quantity) }),
      send: async (body, idempotencyKey) => {
        const run = await api.makeCodes(batch.id, body, { idempotencyKey });
        done.textContent = language.say("codes_made", { n: run.made, of: run.quantity });
      },
    },
  );
  return h("div", null, node, done);
}

/** @param {Host} host @param {Batch} batch */
function voidForm(host, batch) {
  const { api, language } = host;
  const done = h("p", { class: "hint", role: "status" });
  const node = form(
    host,
    [
      {
        name: "codes",
        label: language.say("codes_which"),
        type: "textarea",
        isRequired: true,
        hint: language.say("codes_which_hint"),
      },
    ],
    {
      button: language.say("codes_void"),
      bodyOf: ({ codes }) => ({ codes: idsIn(codes) }),
      send: async ({ codes }) => {
        const answer = await api.voidCodes(batch.id, codes);
        const voided = answer.codes.filter(({ state }) => state === "voided").length;
        done.textContent = language.say("codes_voided", { n: voided, of: codes.length });
      },
    },
  );
  return h("div", null, node, done);
}

/** @param {Host} host @param {OfficeView} view @param {Batch} batch */
function codeList(host, view, batch) {
  const { api, language } = host;
  return list(host, view, {
    caption: language.say("codes_title"),
    columns: [
      { title: language.say("code_code"), value: (row) => row.code },
      { title: language.say("coupon_state"), value: (row) => language.say(`code_${row.state}`) },
      { title: language.say("code_student"), value: (row) => row.student ?? "" },
      {
        title: language.say("coupon_made"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after) => {
      const { codes, next } = await api.listCodes(batch.id, { limit: 50, after });
      return { rows: /** @type {ListedCode[]} */ (codes), next };
    },
    empty: h("p", null, language.say("codes_empty")),
  });
}

/** @param {Host} host @param {Batch} batch */
function exportButton(host, batch) {
  const problem = h("div");
  const save = async () => {
    try {
      saveFile(`codes-${batch.id}.csv`, `\uFEFF${await host.api.exportCodes(batch.id)}`);
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  return h(
    "div",
    { class: "stack" },
    problem,
    h(
      "div",
      { class: "office-row" },
      h(
        "button",
        { class: "plain-button", type: "button", onclick: () => void save() },
        host.language.say("codes_export"),
      ),
    ),
  );
}
