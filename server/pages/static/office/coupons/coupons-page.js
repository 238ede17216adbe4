// @ts-check
/** Coupons: batches and templates, the wizard that makes them, and what goes on in one batch. */

import { h } from "/sdk/element/dom.js";
import { shortValue } from "/sdk/element/value.js";
import { addressOf } from "../shared/address.js";
import { list } from "../shared/list.js";
import { timeText } from "../shared/time-text.js";
import { batchPage } from "./batch-page.js";
import { stateOfBatch } from "./batch-values.js";
import { couponMessages } from "./messages-coupons.js";
import { couponFieldMessages } from "./messages-coupon-fields.js";
import { templateList, templatePage } from "./template-page.js";
import { wizard } from "./wizard.js";

/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view @returns {Promise<Node>} */
export async function open(host, view) {
  const { api, language } = host;
  language.add({ ...couponMessages, ...couponFieldMessages });
  if (view.id === "new") {
    const { template } = view.filters;
    return wizard(host, template ? await api.getTemplate(template) : null);
  }
  if (view.id.startsWith("bat_")) return batchPage(host, view);
  if (view.id.startsWith("tpl_")) return templatePage(host, await api.getTemplate(view.id));
  const isTemplates = view.id === "templates";
  return h(
    "div",
    { class: "office-section" },
    tabs(host, isTemplates),
    isTemplates ? templateList(host, view) : batchList(host, view),
  );
}

/** @param {Host} host @param {boolean} isTemplates */
function tabs({ language, mayWrite }, isTemplates) {
  const tab = (
    /** @type {string} */ id,
    /** @type {string} */ word,
    /** @type {boolean} */ isHere,
  ) =>
    h(
      "a",
      { href: addressOf({ page: "coupons", id }), "aria-current": isHere && "page" },
      language.say(word),
    );
  return h(
    "div",
    { class: "office-row office-tabs" },
    tab("", "batches_title", !isTemplates),
    tab("templates", "templates_title", isTemplates),
    mayWrite && tab("new", "coupon_new", false),
  );
}

/** @param {Host} host @param {OfficeView} view */
function batchList(host, view) {
  const { api, language } = host;
  return list(host, view, {
    caption: language.say("batches_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("bat_name"), value: (row) => row.name },
      { title: language.say("tpl_name"), value: (row) => row.template.name },
      {
        title: language.say("coupon_worth"),
        value: ({ template }) => shortValue(template.discount, template.currency, language.current),
      },
      {
        title: language.say("coupon_state"),
        value: (row) => language.say(`batch_${stateOfBatch(row, Date.now())}`),
      },
      { title: language.say("batch_left"), value: (row) => row.remaining ?? "∞", isNumber: true },
      { title: language.say("batch_all"), value: (row) => row.quantity ?? "∞", isNumber: true },
      { title: language.say("bat_channel"), value: (row) => row.channel },
      {
        title: language.say("coupon_made"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after) => {
      const { batches, next } = await api.listBatches({ limit: 50, after });
      return { rows: batches, next };
    },
    empty: h("p", null, language.say("coupons_empty")),
  });
}
