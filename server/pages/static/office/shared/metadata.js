// @ts-check
/** Metadata: what the school keeps with a record, pairs of texts. Shown, and changed as lines of "key = value". */

import { h } from "/sdk/element/dom.js";
import { saveVersion } from "./conflict-dialog.js";
import { detail } from "./detail.js";
import { form } from "./form.js";
import { metadataIn, metadataText } from "./metadata-text.js";

/** @import { Field } from "./form-field.js" */
/** @import { Host } from "./host.js" */
/** @typedef {Record<string, string>} Metadata */

/** @param {Host} host @param {Metadata} [metadata] @returns {Field} */
export const metadataField = ({ language }, metadata = {}) => ({
  name: "metadata",
  label: language.say("office_metadata"),
  hint: language.say("office_metadata_hint"),
  type: "textarea",
  value: metadataText(metadata),
  isWide: true,
});

/** @param {Host} host @param {Metadata} metadata @returns {HTMLElement|null} null where there is none */
export function metadataNode({ language }, metadata) {
  const pairs = Object.entries(metadata);
  if (pairs.length === 0) return null;
  return h(
    "section",
    { class: "panel stack" },
    h("h4", null, language.say("office_metadata")),
    // An empty text is a value too, and stays visible.
    detail(pairs.map(([key, value]) => [key, value || "–"])),
  );
}

/**
 * What there is, and the form that changes it, for those who may.
 *
 * @template {{version: number, metadata: Metadata}} T
 * @param {Host} host @param {T} seen
 * @param {{read: () => Promise<T>, write: (metadata: Metadata, seen: T) => Promise<unknown>}} record
 */
export function metadataPart(host, seen, { read, write }) {
  const { language } = host;
  const fields = [metadataField(host, seen.metadata)];
  const node = form(host, fields, {
    button: language.say("office_metadata_save"),
    bodyOf: ({ metadata }) => ({ metadata }),
    send: async (mine) => {
      const isSaved = await saveVersion(host, {
        seen,
        mine,
        fields,
        valuesOf: ({ metadata }) => ({ metadata: metadataText(metadata) }),
        read,
        write: ({ metadata }, newest) => write(metadataIn(metadata, newest.metadata), newest),
      });
      if (isSaved) host.refresh();
    },
  });
  return h(
    "div",
    { class: "stack" },
    metadataNode(host, seen.metadata),
    host.mayWrite &&
      h(
        "details",
        { class: "panel" },
        h("summary", null, language.say("office_metadata_edit")),
        node,
      ),
  );
}
