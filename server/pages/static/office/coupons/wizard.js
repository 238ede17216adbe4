// @ts-check
/**
 * The wizard: what a coupon is worth, where and how long, its rules, and how many of it go out. It makes a template
 * and a batch of it; with a template that is there already, the batch alone. Beside it stands the student's card.
 */

import { h } from "/sdk/element/dom.js";
import { ApiError } from "/sdk/transport.js";
import { Attempt } from "../../console/random-key.js";
import { form } from "../shared/form.js";
import { batchFields, NEW_BATCH } from "./batch-fields.js";
import { batchOf } from "./batch-values.js";
import { cardPreview } from "./card-preview.js";
import { NEW_TEMPLATE, TEMPLATE_STEPS, templateFields } from "./template-fields.js";
import { templateOf } from "./template-values.js";

/** @import { Template, TemplateForm } from "/sdk/shapes.js" */
/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

const TEMPLATE = "template.";
const BATCH = "batch.";

/** @param {Host} host @param {Template|null} template null: a new one @returns {Promise<Node>} */
export async function wizard(host, template) {
  const { api, language } = host;
  const { campaigns } = await api.listCampaigns({ limit: 100 });
  const preview = cardPreview(host);
  const ofBatch = prefixed(batchFields(host, NEW_BATCH, campaigns), BATCH);
  const ofTemplate = template ? [] : prefixed(await templateFields(host, NEW_TEMPLATE), TEMPLATE);
  const last = template ? 0 : TEMPLATE_STEPS.length;
  const steps = template ? ["step_batch"] : [...TEMPLATE_STEPS, "step_batch"];
  const attempt = new Attempt();
  const node = form(host, [...ofTemplate, ...ofBatch.map((field) => ({ ...field, step: last }))], {
    button: language.say("coupon_create"),
    steps: steps.map((step) => language.say(step)),
    bodyOf: (values) => ({
      template: template ? null : templateOf(part(values, TEMPLATE)),
      batch: part(values, BATCH),
    }),
    send: async (body, key) => {
      const made = template ?? (await makeTemplate(host, body.template, attempt));
      const batch = batchOf(body.batch, made.id);
      const { id } = await named(BATCH, api.createBatch(batch, { idempotencyKey: `${key}-b` }));
      host.go({ page: "coupons", id });
    },
    changed: (values) => {
      const shown = template ?? templateOf(part(values, TEMPLATE));
      preview.show(shown, Number(values[`${BATCH}quantity`]) || 0);
    },
  });
  return h("div", { class: "coupon-wizard" }, h("div", { class: "panel" }, node), preview.node);
}

/**
 * The same template pressed again is made once, also where only the batch was refused and changed.
 * @param {Host} host @param {TemplateForm|null} body @param {Attempt} attempt
 */
const makeTemplate = ({ api }, body, attempt) => {
  const template = /** @type {TemplateForm} */ (body);
  return named(TEMPLATE, api.createTemplate(template, { idempotencyKey: attempt.keyOf(template) }));
};

/** @param {readonly Field[]} fields @param {string} prefix @returns {Field[]} */
const prefixed = (fields, prefix) =>
  fields.map((field) => ({
    ...field,
    name: prefix + field.name,
    ...(field.isShown && {
      isShown: (values) => Boolean(field.isShown?.(part(values, prefix))),
    }),
  }));

/** The values whose names begin with the prefix, without it. @param {Values} values @param {string} prefix */
const part = (values, prefix) =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );

/**
 * Name the fields that the server refuses as the form does.
 * @template T @param {string} prefix @param {Promise<T>} call
 */
async function named(prefix, call) {
  try {
    return await call;
  } catch (fault) {
    if (!(fault instanceof ApiError) || !Array.isArray(fault.facts.errors)) throw fault;
    const errors = fault.facts.errors.map((each) => ({ ...each, field: prefix + each.field }));
    throw new ApiError(fault.code, fault.status, { ...fault.facts, errors }, fault.retryAfterMs);
  }
}
