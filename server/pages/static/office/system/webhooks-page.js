// @ts-check
/** Webhooks: the receivers; one with its calls, a test, a new secret, and events sent again. */

import { fill, h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { detail } from "../shared/detail.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { metadataPart } from "../shared/metadata.js";
import { webhookMessages } from "./messages-webhooks.js";
import { timeText } from "../shared/time-text.js";
import { deliveryList, failureText, replayForm } from "./webhook-deliveries.js";

/** @import { Delivery, Webhook } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(webhookMessages);
  const secret = h("div", { role: "status" });
  if (view.id) return webhookPage(host, view, secret, await host.api.getWebhook(view.id));
  return h(
    "div",
    { class: "office-section" },
    secret,
    host.mayWrite && newForm(host, secret),
    webhookList(host, view),
  );
}

/** @param {Host} host @param {OfficeView} view */
function webhookList(host, view) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("webhooks_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("webhook_url"), value: (row) => row.url },
      {
        title: language.say("webhook_state"),
        value: (row) => row.state,
        show: (row) => stateNode(host, row),
      },
      { title: language.say("webhook_gets"), value: (row) => typesText(host, row) },
      { title: language.say("webhook_position"), value: (row) => row.position, isNumber: true },
      { title: language.say("webhook_failures"), value: (row) => row.failures, isNumber: true },
    ],
    load: async (after) => {
      const { webhooks, next } = await host.api.listWebhooks({ limit: 50, after });
      return { rows: webhooks, next };
    },
    empty: h("p", null, language.say("webhooks_empty")),
  });
}

/** @param {Host} host @param {HTMLElement} secret where the new one's secret is shown */
function newForm(host, secret) {
  const { language } = host;
  const node = form(
    host,
    [
      { name: "url", label: language.say("webhook_url"), isRequired: true, isWide: true },
      { name: "types", label: language.say("webhook_types"), isWide: true },
      { name: "batch", label: language.say("webhook_batch"), type: "checkbox" },
    ],
    { button: language.say("webhook_create"), bodyOf, send },
  );
  /** @param {ReturnType<typeof bodyOf>} body @param {string} idempotencyKey */
  async function send(body, idempotencyKey) {
    showSecret(host, secret, await host.api.createWebhook(body, { idempotencyKey }));
  }
  return h("details", { class: "panel" }, h("summary", null, language.say("webhook_new")), node);
}

/** @param {Record<string, string>} values */
function bodyOf({ url, types, batch }) {
  const named = types
    .split(/[\s,，]+/)
    .map((type) => type.trim())
    .filter(Boolean);
  return { url, batch: batch === "yes", ...(named.length && { types: named }) };
}

/** @param {Host} host @param {HTMLElement} place @param {Webhook} webhook */
function showSecret(host, place, webhook) {
  const { language } = host;
  const input = h("input", { type: "text", readonly: true, value: webhook.secret ?? "" });
  input.addEventListener("focus", () => input.select());
  const close = () => host.go({ page: "webhooks", id: webhook.id });
  fill(
    place,
    h(
      "section",
      { class: "panel stack" },
      h("label", { class: "field" }, language.say("webhook_secret"), input),
      h(
        "button",
        {
          class: "plain-button",
          type: "button",
          onclick: () => {
            fill(place);
            close();
          },
        },
        language.say("webhook_secret_close"),
      ),
    ),
  );
  input.focus();
}

/** @param {Host} host @param {OfficeView} view @param {HTMLElement} secret @param {Webhook} webhook */
function webhookPage(host, view, secret, webhook) {
  const { language } = host;
  return h(
    "div",
    { class: "office-section" },
    h("h3", { class: "office-id" }, webhook.url),
    detail([
      [language.say("webhook_id"), webhook.id],
      [language.say("webhook_state"), stateNode(host, webhook)],
      [language.say("webhook_reason"), webhook.reason],
      [language.say("webhook_gets"), typesText(host, webhook)],
      [language.say("webhook_position"), String(webhook.position)],
      [language.say("webhook_failures"), webhook.failures ? String(webhook.failures) : null],
      [language.say("webhook_failing_since"), timeText(host, webhook.failing_since)],
      [language.say("webhook_next_try"), timeText(host, webhook.next_try_at)],
      [language.say("webhook_old_secret"), timeText(host, webhook.old_secret_until)],
      [language.say("webhook_made"), timeText(host, webhook.created_at)],
    ]),
    secret,
    host.mayWrite && buttons(host, secret, webhook),
    host.mayWrite && replayForm(host, webhook),
    metadataPart(host, unversioned(webhook), {
      read: async () => unversioned(await host.api.getWebhook(webhook.id)),
      write: (metadata) => host.api.changeWebhook(webhook.id, { metadata }),
    }),
    h("h3", null, language.say("webhook_deliveries")),
    deliveryList(host, view, webhook),
  );
}

/** The newest change of a webhook counts. @param {Webhook} webhook */
const unversioned = ({ metadata }) => ({ version: 0, metadata });

/** @param {Host} host @param {HTMLElement} secret @param {Webhook} webhook */
function buttons(host, secret, webhook) {
  const { language, api } = host;
  const isActive = webhook.state === "active";
  const state = isActive ? "paused" : "active";
  return h(
    "div",
    { class: "stack" },
    actButtons(host, [
      {
        text: language.say("webhook_test"),
        act: async () => testedNode(host, await api.testWebhook(webhook.id)),
      },
      {
        text: language.say(isActive ? "webhook_pause" : "webhook_resume"),
        act: async () => {
          await api.changeWebhook(webhook.id, { state });
        },
      },
      {
        text: language.say("webhook_rotate"),
        act: async () => {
          showSecret(host, secret, await api.rotateWebhook(webhook.id));
          return h("p", { class: "hint" }, language.say("webhook_rotate_hint"));
        },
      },
      {
        text: language.say("webhook_remove"),
        isDanger: true,
        ask: language.say("webhook_remove_ask"),
        act: async (reason) => {
          await api.removeWebhook(webhook.id, reason);
          host.go({ page: "webhooks" });
        },
      },
    ]),
  );
}

/** @param {Host} host @param {Delivery} delivery */
function testedNode({ language }, { status, error, duration_ms: ms }) {
  const values = { status: status ?? "–", error: failureText(language, error), ms };
  return h(
    "p",
    { class: error ? "trouble" : "panel" },
    language.say(error ? "webhook_tested_bad" : "webhook_tested_ok", values),
  );
}

/** @param {Host} host @param {Webhook} webhook */
const stateNode = ({ language }, { state }) =>
  h("span", { class: state === "disabled" ? "danger" : "" }, language.say(`webhook_${state}`));

/** @param {Host} host @param {Webhook} webhook */
const typesText = ({ language }, { types }) => types?.join(", ") || language.say("webhook_all");
