// @ts-check
/** The links of a batch: make them, pause, top up and end them, and show each as a QR code. */

import { h } from "/sdk/element/dom.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { instantText } from "../shared/school-time.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";
import { askTopUp } from "./link-top-up.js";
import { showQr } from "./qr-dialog.js";
import { given } from "./template-values.js";
import { taskFields, taskOf } from "./task-fields.js";

/** @import { Batch, Link, LinkEdit, LinkForm } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

/** @param {Host} host @param {OfficeView} view @param {Batch} batch */
export function linksPart(host, view, batch) {
  const { language } = host;
  const problem = h("div");
  const change = async (/** @type {Link} */ link, /** @type {LinkEdit} */ changes) => {
    try {
      await host.api.changeLink(link.id, changes);
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  return h(
    "section",
    { class: "stack", "aria-label": language.say("links_title") },
    h("h4", null, language.say("links_title")),
    problem,
    linkList(host, view, batch, change),
    host.mayWrite && linkForm(host, batch),
  );
}

/**
 * @param {Host} host @param {OfficeView} view @param {Batch} batch
 * @param {(link: Link, changes: LinkEdit) => Promise<void>} change
 */
function linkList(host, view, batch, change) {
  const { api, language } = host;
  const count = (/** @type {"opened"|"claimed"|"used"|"remaining"} */ name) => ({
    title: language.say(`link_${name}`),
    value: (/** @type {Link} */ row) => row[name],
    isNumber: true,
  });
  return list(host, view, {
    caption: language.say("links_title"),
    columns: [
      { title: language.say("link_channel"), value: (row) => row.channel },
      { title: language.say("coupon_state"), value: (row) => language.say(`link_${row.state}`) },
      {
        title: language.say("link_actions"),
        value: () => "",
        show: (row) => actions(host, row, change),
      },
      {
        title: language.say("link_address"),
        value: (row) => row.url,
        show: (row) => h("a", { href: row.url, target: "_blank", rel: "noopener" }, row.url),
      },
      count("opened"),
      count("claimed"),
      count("used"),
      count("remaining"),
      {
        title: language.say("bat_until"),
        value: (row) => row.closes_at,
        show: (row) => timeText(host, row.closes_at),
      },
      { title: language.say("link_note"), value: (row) => row.note },
    ],
    load: async (after) => {
      const { links, next } = await api.listLinks(batch.id, { limit: 50, after });
      return { rows: links, next };
    },
    empty: h("p", null, language.say("links_empty")),
  });
}

/** @param {Host} host @param {Link} link @param {(link: Link, changes: LinkEdit) => Promise<void>} change */
function actions(host, link, change) {
  const { language } = host;
  const button = (/** @type {string} */ word, /** @type {() => void} */ press) =>
    h("button", { class: "link", type: "button", onclick: press }, language.say(word));
  const edit = (/** @type {string} */ word, /** @type {LinkEdit} */ changes) =>
    button(word, () => void change(link, changes));
  const topUp = async () => {
    const changes = await askTopUp(host, link);
    if (changes) await change(link, changes);
  };
  const mayChange = host.mayWrite && link.state !== "ended";
  return h(
    "div",
    { class: "office-actions" },
    button("link_qr", () => void showQr(host, link)),
    mayChange &&
      (link.state === "paused"
        ? edit("link_resume", { state: "active" })
        : edit("link_pause", { state: "paused" })),
    mayChange && button("link_top_up", () => void topUp()),
    mayChange &&
      (link.prompt
        ? edit("link_prompt_off", { prompt: false })
        : edit("link_prompt_on", { prompt: true })),
    mayChange && edit("link_end", { state: "ended" }),
  );
}

/** @param {Host} host @param {Batch} batch */
function linkForm(host, batch) {
  const { api, language } = host;
  const label = (/** @type {string} */ key) => language.say(`link_${key}`);
  const node = form(
    host,
    [
      {
        name: "channel",
        label: label("channel"),
        hint: label("channel_hint"),
        isRequired: true,
        max: 64,
      },
      { name: "quantity", label: label("quantity"), type: "number", isRequired: true },
      { name: "opens_at", label: label("opens_at"), type: "datetime-local" },
      { name: "closes_at", label: label("closes_at"), type: "datetime-local" },
      { name: "message", label: label("message"), max: 200 },
      { name: "note", label: label("note"), max: 200 },
      ...taskFields(host),
      { name: "prompt", label: label("prompt"), type: "checkbox" },
    ],
    {
      button: label("make"),
      bodyOf: linkOf,
      send: async (body, idempotencyKey) => {
        await api.createLink(batch.id, body, { idempotencyKey });
        host.refresh();
      },
    },
  );
  return h("details", { class: "panel" }, h("summary", null, label("new")), node);
}

/** @param {Values} values @returns {LinkForm} */
export const linkOf = (values) =>
  given({
    channel: values.channel,
    quantity: Number(values.quantity),
    opens_at: values.opens_at ? instantText(values.opens_at) : "",
    closes_at: values.closes_at ? instantText(values.closes_at) : "",
    message: values.message,
    note: values.note,
    task: taskOf(values),
    prompt: values.prompt === "yes",
  });
