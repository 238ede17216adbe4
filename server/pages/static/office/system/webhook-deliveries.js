// @ts-check
/** The calls of one webhook: what was answered, and the events sent again. */

import { fill, h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { timeText } from "../shared/time-text.js";

/** @import { Delivery, Webhook } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view @param {Webhook} webhook */
export function deliveryList(host, view, webhook) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("webhook_deliveries"),
    columns: [
      {
        title: language.say("delivery_at"),
        value: (row) => row.at,
        show: (row) => timeText(host, row.at),
      },
      {
        title: language.say("delivery_kind"),
        value: (row) => row.kind,
        show: (row) => language.say(`delivery_kind_${row.kind}`),
      },
      { title: language.say("delivery_seqs"), value: seqText },
      {
        title: language.say("delivery_status"),
        value: (row) => row.status ?? "",
        show: (row) => h("span", { class: row.error ? "danger" : "" }, String(row.status ?? "–")),
      },
      {
        title: language.say("delivery_error"),
        value: (row) => row.error ?? "",
        show: (row) => failureText(language, row.error),
      },
      {
        title: language.say("delivery_answer"),
        value: (row) => row.answer ?? "",
        show: (row) => h("span", { class: "office-long" }, row.answer ?? ""),
      },
      { title: language.say("delivery_attempt"), value: (row) => row.attempt, isNumber: true },
      { title: language.say("delivery_ms"), value: (row) => row.duration_ms, isNumber: true },
      {
        title: language.say("delivery_again"),
        value: () => "",
        show: (row) => host.mayWrite && again(host, webhook, row),
      },
    ],
    load: async (after) => {
      const page = { limit: 50, after };
      const { deliveries, next } = await host.api.listDeliveries(webhook.id, page);
      return { rows: deliveries, next };
    },
    empty: h("p", null, language.say("webhook_deliveries_empty")),
  });
}

const FAILURES = ["not_reachable", "timeout", "connection_lost", "host_unknown", "private_address"];

/** Return a failure in words; `status_…` stays, for the answer beside it says more. @param {Host["language"]} language @param {string|null} error */
export function failureText(language, error) {
  return error && FAILURES.includes(error)
    ? language.say(`delivery_failed_${error}`)
    : (error ?? "");
}

/** @param {Host} host @param {Webhook} webhook @param {Delivery} row */
function again(host, webhook, { first_seq: first, last_seq: last }) {
  if (first === null || last === null) return null;
  return actButtons(host, [
    {
      text: host.language.say("delivery_again"),
      act: () => replay(host, webhook, first, last),
    },
  ]);
}

/** @param {Host} host @param {Webhook} webhook @param {number} first @param {number} last */
async function replay(host, webhook, first, last) {
  const made = await host.api.replayWebhook(webhook.id, first, last);
  const seqs = { from: made.from_seq, to: made.to_seq };
  return h("p", { class: "hint" }, host.language.say("replay_done", seqs));
}

/** @param {Host} host @param {Webhook} webhook */
export function replayForm(host, webhook) {
  const { language } = host;
  const said = h("div", { role: "status" });
  const node = form(
    host,
    [
      { name: "from_seq", label: language.say("replay_from"), type: "number", isRequired: true },
      { name: "to_seq", label: language.say("replay_to"), type: "number", isRequired: true },
    ],
    {
      button: language.say("replay_send"),
      bodyOf: ({ from_seq: from, to_seq: to }) => ({ from: Number(from), to: Number(to) }),
      send: async ({ from, to }) => fill(said, await replay(host, webhook, from, to)),
    },
  );
  return h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("replay_title")),
    h("p", { class: "hint" }, language.say("replay_hint")),
    node,
    said,
  );
}

/** @param {Delivery} delivery */
function seqText({ first_seq: first, last_seq: last }) {
  if (first === null) return "";
  return first === last ? String(first) : `${first}–${last}`;
}
