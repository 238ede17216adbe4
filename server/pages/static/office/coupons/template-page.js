// @ts-check
/** Templates: the list, and one template with its card and the form that makes the next version of it. */

import { h } from "/sdk/element/dom.js";
import { shortValue, validityText } from "/sdk/element/value.js";
import { saveVersion } from "../shared/conflict-dialog.js";
import { detail } from "../shared/detail.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { metadataPart } from "../shared/metadata.js";
import { timeText } from "../shared/time-text.js";
import { cardPreview } from "./card-preview.js";
import { TEMPLATE_STEPS, templateFields } from "./template-fields.js";
import { templateOf, valuesOfTemplate } from "./template-values.js";

/** @import { Template } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export function templateList(host, view) {
  const { api, language } = host;
  return list(host, view, {
    caption: language.say("templates_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("tpl_name"), value: (row) => row.name },
      {
        title: language.say("coupon_worth"),
        value: (row) => shortValue(row.discount, row.currency, language.current),
      },
      {
        title: language.say("tpl_validity"),
        value: (row) => validityText(row.validity, language.current),
      },
      { title: language.say("coupon_version"), value: (row) => row.version, isNumber: true },
      {
        title: language.say("coupon_made"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after) => {
      const { templates, next } = await api.listTemplates({ limit: 50, after });
      return { rows: templates, next };
    },
    empty: h("p", null, language.say("coupons_empty")),
  });
}

/** @param {Host} host @param {Template} template @returns {Promise<Node>} */
export async function templatePage(host, template) {
  const { language } = host;
  const preview = cardPreview(host);
  preview.show(template, 1);
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, template.name),
    detail([
      [language.say("coupon_id"), template.id],
      [language.say("coupon_version"), String(template.version)],
      [
        language.say("coupon_worth"),
        shortValue(template.discount, template.currency, language.current),
      ],
      [language.say("coupon_made"), timeText(host, template.created_at)],
    ]),
    host.mayWrite &&
      h(
        "div",
        { class: "office-row" },
        h(
          "button",
          {
            class: "plain-button",
            type: "button",
            onclick: () =>
              host.go({ page: "coupons", id: "new", filters: { template: template.id } }),
          },
          language.say("template_use"),
        ),
      ),
    h(
      "div",
      { class: "coupon-wizard" },
      host.mayWrite ? await editPart(host, template, preview) : h("div"),
      preview.node,
    ),
    metadataPart(host, template, {
      read: () => host.api.getTemplate(template.id),
      write: (metadata, seen) =>
        host.api.replaceTemplate(template.id, seen.version, {
          ...templateOf(valuesOfTemplate(seen), seen),
          metadata,
        }),
    }),
  );
}

/** @param {Host} host @param {Template} template @param {ReturnType<typeof cardPreview>} preview */
async function editPart(host, template, preview) {
  const { api, language } = host;
  const fields = await templateFields(host, valuesOfTemplate(template));
  const node = form(host, fields, {
    button: language.say("template_save"),
    steps: TEMPLATE_STEPS.map((step) => language.say(step)),
    bodyOf: (values) => values,
    send: async (mine) => {
      const isSaved = await saveVersion(host, {
        seen: template,
        mine,
        fields,
        valuesOf: valuesOfTemplate,
        read: () => api.getTemplate(template.id),
        write: (values, seen) =>
          api.replaceTemplate(template.id, seen.version, templateOf(values, seen)),
      });
      if (isSaved) host.refresh();
    },
    changed: (values) => preview.show(templateOf(values, template), 1),
  });
  return h(
    "details",
    { class: "panel" },
    h("summary", null, language.say("template_edit")),
    h("p", { class: "hint" }, language.say("template_edit_hint")),
    node,
  );
}
