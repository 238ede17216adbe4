// @ts-check
/** Packs: several coupons together, or another coupon for each audience. */

import { h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { detail, idLink } from "../shared/detail.js";
import { list } from "../shared/list.js";
import { metadataNode } from "../shared/metadata.js";
import { packMessages } from "./messages-packs.js";
import { packForm } from "./pack-form.js";
import { ruleText } from "./rule-text.js";
import { table } from "../shared/table.js";
import { timeText } from "../shared/time-text.js";

/** @import { Pack, PackPreview } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(packMessages);
  if (view.id) return packPage(host, await host.api.getPack(view.id));
  return h(
    "div",
    { class: "office-section" },
    h("p", { class: "hint" }, host.language.say("packs_hint")),
    host.mayWrite && packForm(host),
    packList(host, view),
  );
}

/** @param {Host} host @param {OfficeView} view */
function packList(host, view) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("packs_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("pack_name"), value: (row) => row.name },
      {
        title: language.say("pack_holds"),
        value: holdsText,
        show: (row) => h("span", null, ...holdsNodes(row)),
      },
      { title: language.say("pack_made_by"), value: (row) => row.created_by },
      {
        title: language.say("pack_made"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after) => {
      const { packs, next } = await host.api.listPacks({ limit: 50, after });
      return { rows: packs, next };
    },
    empty: h("p", null, language.say("packs_empty")),
  });
}

/** @param {Pack} pack */
const holdsText = ({ items, variants }) =>
  items.length
    ? items.map((item) => `${item.batch_id} × ${item.count}`).join(" + ")
    : variants.map((variant) => variant.batch_id).join(" | ");

/** The same with a link to each batch. @param {Pack} pack */
const holdsNodes = ({ items, variants }) =>
  items.length
    ? items.flatMap((item, place) => [
        place ? " + " : "",
        idLink("coupons", item.batch_id),
        ` × ${item.count}`,
      ])
    : variants.flatMap((variant, place) => [
        place ? " | " : "",
        idLink("coupons", variant.batch_id),
      ]);

/** @param {Host} host @param {Pack} pack */
function packPage(host, pack) {
  const { language, api } = host;
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, pack.name),
    detail([
      [language.say("pack_id"), pack.id],
      [language.say("pack_made_by"), pack.created_by],
      [language.say("pack_made"), timeText(host, pack.created_at)],
    ]),
    metadataNode(host, pack.metadata),
    pack.items.length
      ? table(
          pack.name,
          [language.say("pack_batch_id"), language.say("pack_pieces")],
          pack.items.map((item) => [idLink("coupons", item.batch_id), String(item.count)]),
        )
      : table(
          pack.name,
          [language.say("pack_batch_id"), language.say("pack_who")],
          pack.variants.map((variant) => [
            idLink("coupons", variant.batch_id),
            variant.audience_id || ruleText(variant.if) || language.say("pack_everybody"),
          ]),
        ),
    host.mayWrite &&
      pack.variants.length > 0 &&
      actButtons(host, [
        {
          text: language.say("pack_preview"),
          act: async () => previewNode(host, await api.previewPack(pack.id)),
        },
      ]),
  );
}

/** @param {Host} host @param {PackPreview} preview */
function previewNode({ language }, { variants, overlapping, without }) {
  return h(
    "div",
    { class: "stack" },
    table(
      language.say("pack_preview"),
      ["pack_batch_id", "pack_matching", "pack_chosen"].map((name) => language.say(name)),
      variants.map((each) => [each.batch_id, String(each.matching), String(each.chosen)]),
    ),
    h("p", { class: "hint" }, language.say("pack_overlap", { n: overlapping, none: without })),
  );
}
