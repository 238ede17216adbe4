// @ts-check
/** Sends: coupons that students get without a tap. The list, one send as it goes on, and the form of a new one. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "../shared/address.js";
import { budgetBar } from "../promotions/budget-bar.js";
import { audienceMessages } from "../audiences/messages-audiences.js";
import { detail, idLink } from "../shared/detail.js";
import { list } from "../shared/list.js";
import { metadataNode } from "../shared/metadata.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";
import { sendMessages } from "./messages-sends.js";
import { newSend } from "./new-send.js";
import { canStop, canUndo, isOngoing, OUTCOMES, RETRIED, shareDone } from "./progress.js";
import { sendAgain } from "./send-again.js";

/** @import { Issuance, ItemOutcome } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

const LOOK_AGAIN_MS = 2_000;

/** @param {Host} host @param {OfficeView} view @returns {Promise<Node>} */
export async function open(host, view) {
  host.language.add({ ...audienceMessages, ...sendMessages });
  if (view.id === "new") return newSend(host, view);
  if (view.id) return sendPage(host, view, await host.api.getIssuance(view.id));
  return h(
    "div",
    { class: "office-section" },
    host.mayWrite &&
      h(
        "div",
        { class: "office-row" },
        h(
          "a",
          {
            class: "office-button",
            href: addressOf({
              page: "sends",
              id: "new",
              filters: { batch: view.filters.batch_id ?? "" },
            }),
          },
          host.language.say("send_new"),
        ),
      ),
    sendList(host, view),
  );
}

/** @param {Host} host @param {OfficeView} view */
function sendList(host, view) {
  const { api, language } = host;
  const count = (/** @type {"asked"|"issued"|"refused"|"held_out"} */ name) => ({
    title: language.say(`send_${name}`),
    value: (/** @type {Issuance} */ row) => row[name],
    isNumber: true,
  });
  return list(host, view, {
    caption: language.say("sends_caption"),
    filters: [{ name: "batch_id", label: language.say("send_batch") }],
    link: (row) => row.id,
    columns: [
      { title: language.say("send_reason"), value: (row) => row.reason },
      { title: language.say("send_state"), value: (row) => language.say(`send_is_${row.state}`) },
      count("asked"),
      count("issued"),
      count("refused"),
      count("held_out"),
      { title: language.say("send_source"), value: (row) => language.say(`send_by_${row.source}`) },
      { title: language.say("send_by"), value: (row) => row.created_by },
      {
        title: language.say("send_made"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after, { batch_id }) => {
      const query = { limit: 50, after, batch_id: batch_id || undefined };
      const { issuances, next } = await api.listIssuances(query);
      return { rows: issuances, next };
    },
    empty: h("p", null, language.say("sends_empty")),
  });
}

/** @param {Host} host @param {OfficeView} view @param {Issuance} send */
function sendPage(host, view, send) {
  const { language } = host;
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, send.reason),
    detail([
      [language.say("send_id"), send.id],
      [language.say("send_batch"), send.batch_id && idLink("coupons", send.batch_id)],
      [language.say("send_pack"), send.pack_id && idLink("packs", send.pack_id)],
      [language.say("send_approval"), send.approval_id && idLink("approvals", send.approval_id)],
      [language.say("send_source"), language.say(`send_by_${send.source}`)],
      [
        language.say("send_audience"),
        send.source === "audience" && send.source_id && idLink("audiences", send.source_id),
      ],
      [language.say("send_by"), send.created_by],
      [language.say("send_made"), timeText(host, send.created_at)],
      [language.say("send_repeat"), send.repeat],
      [language.say("send_parent"), send.parent_id && idLink("sends", send.parent_id)],
    ]),
    metadataNode(host, send.metadata),
    progressPart(host, send),
    host.mayWrite && buttons(host, send),
    itemsPart(host, view, send),
  );
}

/** How far it is, looked at again until it is over. @param {Host} host @param {Issuance} begun */
function progressPart(host, begun) {
  const place = h("section", { class: "panel stack" });
  const show = (/** @type {Issuance} */ send) =>
    place.replaceChildren(...progressNodes(host, send));
  const look = async () => {
    if (!place.isConnected) return; // another page is open
    try {
      const now = await host.api.getIssuance(begun.id);
      if (now.state !== begun.state) return host.refresh();
      show(now);
    } catch {
      // Not reached: what was known stays, and it is looked at again.
    }
    setTimeout(() => void look(), LOOK_AGAIN_MS);
  };
  show(begun);
  if (isOngoing(begun.state)) setTimeout(() => void look(), LOOK_AGAIN_MS);
  return place;
}

/** @param {Host} host @param {Issuance} send @returns {Node[]} */
function progressNodes(host, send) {
  const { language } = host;
  const { asked, issued, refused, held_out: heldOut, taken_back: takenBack } = send;
  return [
    h(
      "h4",
      null,
      language.say(`send_is_${send.state}`),
      send.due_at && isOngoing(send.state) ? ` · ${timeText(host, send.due_at)}` : "",
    ),
    budgetBar({
      amount: asked,
      free: asked - issued - refused - heldOut,
      exposed: refused + heldOut,
      settled: issued,
      warnings: [],
    }),
    detail([
      [language.say("send_done"), shareDone(send)],
      [language.say("send_asked"), String(asked)],
      [language.say("send_issued"), String(issued)],
      [language.say("send_refused"), String(refused)],
      [language.say("send_held_out"), String(heldOut)],
      [language.say("send_taken_back"), takenBack > 0 && String(takenBack)],
    ]),
  ];
}

/** @param {Host} host @param {Issuance} send */
function buttons(host, send) {
  const { api, language } = host;
  const said = h("div", { role: "status" });
  const button = (/** @type {string} */ word, /** @type {() => Promise<unknown>} */ act) => {
    const node = h(
      "button",
      {
        class: "plain-button",
        type: "button",
        onclick: async () => {
          node.disabled = true;
          try {
            await act();
          } catch (fault) {
            said.replaceChildren(trouble(host, fault));
            node.disabled = false;
          }
        },
      },
      language.say(word),
    );
    return node;
  };
  const then = (/** @type {Promise<unknown>} */ call) => call.then(() => host.refresh());
  return h(
    "div",
    { class: "stack" },
    said,
    h(
      "div",
      { class: "office-row" },
      canStop(send.state) && button("send_stop", () => then(api.stopIssuance(send.id))),
      canUndo(send, Date.now()) && button("send_undo", () => then(api.undoIssuance(send.id))),
      (send.state === "done" || send.state === "stopped") &&
        send.refused > 0 &&
        button("send_again", () => sendAgain(host, send, said)),
    ),
    send.refused > 0 && h("p", { class: "hint" }, language.say("send_again_hint")),
  );
}

/** @param {Host} host @param {OfficeView} view @param {Issuance} send */
function itemsPart(host, view, send) {
  const { api, language } = host;
  const chosen = view.filters.outcome ?? "";
  const chip = (/** @type {string} */ outcome) =>
    h(
      "a",
      {
        href: addressOf({ ...view, filters: { outcome } }),
        "aria-current": outcome === chosen && "true",
      },
      language.say(outcome ? `outcome_${outcome}` : "outcome_all"),
    );
  return h(
    "section",
    { class: "stack" },
    h("h4", null, language.say("send_students")),
    h("div", { class: "office-row office-tabs" }, ...["", ...OUTCOMES].map(chip)),
    list(host, view, {
      caption: language.say("send_students"),
      columns: [
        { title: language.say("send_student"), value: (row) => row.student },
        {
          title: language.say("send_outcome"),
          value: (row) => language.say(`outcome_${row.outcome ?? "pending"}`),
        },
        {
          title: language.say("send_retried"),
          value: (row) =>
            row.outcome && RETRIED.includes(row.outcome) ? language.say("send_retried_yes") : "",
        },
        {
          title: language.say("send_coupon"),
          value: (row) => row.coupon_id ?? (row.coupon_ids ?? []).join(" "),
        },
        {
          title: language.say("send_decided"),
          value: (row) => row.decided_at ?? "",
          show: (row) => timeText(host, row.decided_at),
        },
      ],
      load: async (after) => {
        const outcome = /** @type {ItemOutcome|"pending"|undefined} */ (chosen || undefined);
        const { items, next } = await api.listIssuanceItems(send.id, { limit: 50, after, outcome });
        return { rows: items, next };
      },
      empty: h("p", null, language.say("send_students_empty")),
    }),
  );
}
