// @ts-check
/** Audiences: students as a list, by a tag or by a rule; how many are in one now, and some of them. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "../shared/address.js";
import { saveVersion } from "../shared/conflict-dialog.js";
import { idsIn } from "../coupons/template-values.js";
import { detail } from "../shared/detail.js";
import { form } from "../shared/form.js";
import { list } from "../shared/list.js";
import { metadataField, metadataNode } from "../shared/metadata.js";
import { metadataIn, metadataText } from "../shared/metadata-text.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";
import { fileField, studentsOf } from "./file-field.js";
import { audienceMessages } from "./messages-audiences.js";
import { ruleEditor } from "./rule-editor.js";

/** @import { AudienceKind, SavedAudience, SavedAudienceForm } from "/sdk/shapes.js" */
/** @import { Field } from "../shared/form-field.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

const KINDS = /** @type {const} */ (["list", "tag", "rule"]);

/** @param {Host} host @param {OfficeView} view @returns {Promise<Node>} */
export async function open(host, view) {
  host.language.add(audienceMessages);
  if (view.id) return audiencePage(host, await host.api.getAudience(view.id));
  return h(
    "div",
    { class: "office-section" },
    host.mayWrite && newPart(host),
    audienceList(host, view),
  );
}

/** @param {Host} host @param {OfficeView} view */
function audienceList(host, view) {
  const { api, language } = host;
  return list(host, view, {
    caption: language.say("audiences_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("aud_name"), value: (row) => row.name },
      { title: language.say("aud_kind"), value: (row) => language.say(`aud_${row.kind}`) },
      { title: language.say("aud_size"), value: (row) => row.size ?? "", isNumber: true },
      { title: language.say("aud_tag"), value: (row) => row.tag ?? "" },
      {
        title: language.say("aud_made"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after) => {
      const { audiences, next } = await api.listAudiences({ limit: 50, after });
      return { rows: audiences, next };
    },
    empty: h("p", null, language.say("audiences_empty")),
  });
}

/** @param {Host} host @param {SavedAudience|null} seen @returns {Field[]} */
function fields(host, seen) {
  const { language } = host;
  const of = (/** @type {AudienceKind} */ kind) => (/** @type {Values} */ values) =>
    values.kind === kind;
  return [
    {
      name: "name",
      label: language.say("aud_name"),
      value: seen?.name,
      isRequired: true,
      max: 60,
    },
    {
      name: "kind",
      label: language.say("aud_kind"),
      type: "select",
      choices: KINDS.map((kind) => [kind, language.say(`aud_${kind}`)]),
      value: seen?.kind,
    },
    {
      name: "tag",
      label: language.say("aud_tag"),
      value: seen?.tag,
      isRequired: true,
      isShown: of("tag"),
      max: 64,
    },
    {
      name: "students",
      label: language.say("aud_students"),
      hint: language.say(seen?.kind === "list" ? "aud_students_again" : "aud_students_hint"),
      type: "textarea",
      isShown: of("list"),
      isWide: true,
    },
    {
      name: "file",
      label: language.say("file_label"),
      own: fileField(host),
      isShown: of("list"),
      isWide: true,
    },
    {
      name: "rule",
      label: language.say("aud_rule"),
      own: ruleEditor(host, seen?.rule),
      isShown: of("rule"),
      isWide: true,
    },
    metadataField(host, seen?.metadata),
  ];
}

/** @param {Host} host @param {Values} values @param {SavedAudience} [seen] @returns {Promise<SavedAudienceForm>} */
async function audienceOf(host, { name, kind, tag, students, file, rule, ...values }, seen) {
  const metadata = metadataIn(values.metadata, seen?.metadata);
  if (kind === "tag") return { name, kind, tag, metadata };
  if (kind === "rule") return { name, kind, rule: JSON.parse(rule), metadata };
  const listed = [...idsIn(students), ...(file ? await studentsOf(host, file) : [])];
  return { name, kind: "list", students: [...new Set(listed)], metadata };
}

/** @param {Host} host */
function newPart(host) {
  const { api, language } = host;
  const node = form(host, fields(host, null), {
    button: language.say("audience_create"),
    bodyOf: (values) => values,
    send: async (values, idempotencyKey) => {
      const body = await audienceOf(host, values);
      const { id } = await api.createAudience(body, { idempotencyKey });
      host.go({ page: "audiences", id });
    },
  });
  return h("details", { class: "panel" }, h("summary", null, language.say("audience_new")), node);
}

/** @param {Host} host @param {SavedAudience} audience */
function audiencePage(host, audience) {
  const { language } = host;
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, audience.name),
    detail([
      [language.say("aud_id"), audience.id],
      [language.say("aud_kind"), language.say(`aud_${audience.kind}`)],
      [language.say("aud_version"), String(audience.version)],
      [language.say("aud_tag"), audience.tag],
      [language.say("aud_made"), timeText(host, audience.created_at)],
    ]),
    audience.rule && h("pre", { class: "panel office-rule" }, ruleWords(host, audience.rule)),
    metadataNode(host, audience.metadata),
    host.mayWrite && previewPart(host, audience),
    host.mayWrite && editPart(host, audience),
  );
}

/** @param {Host} host @param {NonNullable<SavedAudience["rule"]>} rule @returns {string} one condition a line */
function ruleWords(host, rule) {
  const { language } = host;
  const items = rule.any ?? rule.all ?? [];
  const lines = items.map((item) =>
    item.all || item.any
      ? ruleWords(host, item)
      : [
          language.say(factKey(item.fact ?? ""), { name: (item.fact ?? "").replace("facts.", "") }),
          language.say(`op_${item.op}`),
          Array.isArray(item.value) ? item.value.join(", ") : String(item.value),
        ].join(" "),
  );
  return [language.say(rule.any ? "rule_any" : "rule_all"), ...lines].join("\n  ");
}

/** @param {string} fact */
const factKey = (fact) => (fact.startsWith("facts.") ? "fact_own" : `fact_${fact}`);

/** How many are in it now, counted when the page is opened. @param {Host} host @param {SavedAudience} audience */
function previewPart(host, audience) {
  const { api, language } = host;
  const said = h("div", { role: "status", class: "stack" }, language.say("aud_counting"));
  const count = async () => {
    try {
      const { count: n, sample } = await api.previewAudience(audience.id);
      said.replaceChildren(
        h("p", null, h("strong", null, language.say("aud_count", { n }))),
        sample.length
          ? h("p", { class: "hint" }, language.say("aud_sample", { ids: sample.join(", ") }))
          : "",
      );
    } catch (fault) {
      said.replaceChildren(trouble(host, fault));
    }
  };
  void count();
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, language.say("aud_now")),
    said,
    h(
      "div",
      { class: "office-row" },
      h(
        "a",
        {
          class: "office-button",
          href: addressOf({ page: "sends", id: "new", filters: { audience: audience.id } }),
        },
        language.say("aud_send"),
      ),
    ),
  );
}

/** @param {Host} host @param {SavedAudience} seen */
function editPart(host, seen) {
  const { api, language } = host;
  const shown = fields(host, seen);
  const node = form(host, shown, {
    button: language.say("audience_save"),
    bodyOf: (values) => values,
    send: async (mine) => {
      const isSaved = await saveVersion(host, {
        seen,
        mine,
        fields: shown,
        valuesOf: ({ name, kind, tag = "", rule, metadata }) => ({
          name,
          kind,
          tag,
          rule: rule ? JSON.stringify(rule) : "",
          students: "", // a list does not come back from the server
          file: "",
          metadata: metadataText(metadata),
        }),
        read: () => api.getAudience(seen.id),
        write: async (values, newest) => {
          const body = await audienceOf(host, values, newest);
          return api.replaceAudience(seen.id, newest.version, body);
        },
      });
      if (isSaved) host.refresh();
    },
  });
  return h("details", { class: "panel" }, h("summary", null, language.say("audience_edit")), node);
}
