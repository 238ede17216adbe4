// @ts-check
/** The form of a new send: of which batch or pack, to whom, when, and with which words. */

import { h, setText } from "/sdk/element/dom.js";
import { fileField } from "../audiences/file-field.js";
import { form } from "../shared/form.js";
import { given, idsIn, numberIn } from "../coupons/template-values.js";
import { instantText } from "../shared/school-time.js";
import { troubleText } from "../shared/trouble.js";

/** @import { IssuanceForm } from "/sdk/shapes.js" */
/** @import { Field } from "../shared/form-field.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

/** @param {Host} host @param {OfficeView} view its filters may name `batch` and `audience` @returns {Promise<Node>} */
export async function newSend(host, view) {
  const { api, language } = host;
  const [{ batches }, { packs }, { audiences }] = await Promise.all([
    api.listBatches({ limit: 200 }),
    api.listPacks({ limit: 200 }),
    api.listAudiences({ limit: 200 }),
  ]);
  const what = /** @type {[string, string][]} */ ([
    ...batches.map(({ id, name, remaining }) => [id, `${name} · ${remaining ?? "∞"}`]),
    ...packs.map(({ id, name }) => [id, `${language.say("send_pack")} · ${name}`]),
  ]);
  const { batch = "", audience = "" } = view.filters;
  if (batch && !what.some(([id]) => id === batch)) what.unshift([batch, batch]);
  const lists = /** @type {[string, string][]} */ (audiences.map(({ id, name }) => [id, name]));
  if (audience && !lists.some(([id]) => id === audience)) lists.unshift([audience, audience]);
  const count = countLine(host);
  const node = form(host, fields(host, what, lists, view.filters), {
    button: language.say("send_create"),
    bodyOf: sendOf,
    send: async (body, idempotencyKey) => {
      const { id } = await api.createIssuance(body, { idempotencyKey });
      host.go({ page: "sends", id });
    },
    changed: (values) => count.of(values.who === "audience" ? values.audience_id : ""),
  });
  return h(
    "div",
    { class: "panel stack" },
    h("h3", null, language.say("send_new")),
    node,
    count.node,
    h("p", { class: "hint" }, language.say("send_undo_hint")),
  );
}

/** How many are in the chosen audience now. @param {Host} host */
function countLine(host) {
  const { api, language } = host;
  const node = h("p", { role: "status" });
  let asked = "";
  const of = async (/** @type {string} */ id) => {
    if (id === asked) return;
    asked = id;
    setText(node, "");
    if (!id) return;
    try {
      const { count: n } = await api.previewAudience(id);
      if (asked === id) setText(node, language.say("send_count", { n }));
    } catch (fault) {
      if (asked === id) setText(node, troubleText(host, fault));
    }
  };
  return { node, of: (/** @type {string} */ id) => void of(id) };
}

/**
 * @param {Host} host @param {[string, string][]} what @param {[string, string][]} lists @param {Values} filters
 * @returns {Field[]}
 */
function fields(host, what, lists, filters) {
  const { language } = host;
  const label = (/** @type {string} */ key) => language.say(`send_${key}`);
  const by = (/** @type {string} */ who) => (/** @type {Values} */ values) => values.who === who;
  const daily = ["", "FREQ=DAILY", "FREQ=WEEKLY"];
  return [
    { name: "batch_id", label: label("what"), type: "select", choices: what, value: filters.batch },
    {
      name: "who",
      label: label("who"),
      type: "select",
      choices: ["audience", "students", "file"].map((each) => [each, label(`who_${each}`)]),
      value: filters.audience || lists.length ? "audience" : "students",
    },
    {
      name: "audience_id",
      label: label("audience"),
      type: "select",
      choices: lists,
      value: filters.audience,
      isRequired: true,
      isShown: by("audience"),
    },
    {
      name: "students",
      label: language.say("aud_students"),
      hint: label("students_hint"),
      type: "textarea",
      isRequired: true,
      isShown: by("students"),
      isWide: true,
    },
    {
      name: "import_id",
      label: language.say("file_label"),
      own: fileField(host),
      isShown: by("file"),
      isWide: true,
    },
    {
      name: "reason",
      label: label("reason"),
      hint: label("reason_hint"),
      isRequired: true,
      max: 200,
    },
    { name: "send_at", label: label("at"), hint: label("at_hint"), type: "datetime-local" },
    {
      name: "repeat",
      label: label("repeat"),
      type: "select",
      choices: daily.map((each, index) => [each, label(`repeat_${index}`)]),
      isShown: (values) => Boolean(values.send_at),
    },
    {
      name: "times",
      label: label("times"),
      type: "number",
      isShown: (values) => Boolean(values.repeat),
    },
    {
      name: "hold_out_percent",
      label: label("hold_out"),
      hint: label("hold_out_hint"),
      type: "number",
      max: 100,
    },
    { name: "notify", label: label("notify"), type: "checkbox", value: "yes" },
    {
      name: "notify.text",
      label: label("words"),
      hint: label("words_hint"),
      isShown: (values) => values.notify === "yes",
      max: 200,
    },
  ];
}

/** @param {Values} values @returns {IssuanceForm} */
export function sendOf(values) {
  const what = values.batch_id.startsWith("pck_");
  const times = values.times ? `;COUNT=${values.times}` : "";
  const text = values["notify.text"];
  return given({
    ...(what ? { pack_id: values.batch_id } : { batch_id: values.batch_id }),
    students: values.who === "students" ? idsIn(values.students) : undefined,
    audience_id: values.who === "audience" ? values.audience_id : undefined,
    import_id: values.who === "file" ? values.import_id : undefined,
    reason: values.reason,
    send_at: values.send_at ? instantText(values.send_at) : undefined,
    repeat: values.repeat ? values.repeat + times : undefined,
    hold_out_percent: numberIn(values.hold_out_percent),
    notify: values.notify === "yes" ? { ...(text && { text }) } : undefined,
  });
}
