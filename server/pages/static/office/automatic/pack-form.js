// @ts-check
/** The form that makes a pack: up to six batches. A further one is asked for once the one before is filled in. */

import { h } from "/sdk/element/dom.js";
import { form } from "../shared/form.js";
import { packOf, PLACES } from "./pack-body.js";

/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host */
export function packForm(host) {
  const { language } = host;
  const node = form(
    host,
    [
      { name: "name", label: language.say("pack_name"), isRequired: true, max: 60 },
      {
        name: "kind",
        label: language.say("pack_kind"),
        type: "select",
        choices: [
          ["items", language.say("pack_items")],
          ["variants", language.say("pack_variants")],
        ],
      },
      ...PLACES.flatMap((place) => placeFields(host, place)),
    ],
    {
      button: language.say("pack_create"),
      bodyOf: packOf,
      send: async (body, idempotencyKey) => {
        const { id } = await host.api.createPack(body, { idempotencyKey });
        host.go({ page: "packs", id });
      },
    },
  );
  return h("details", { class: "panel" }, h("summary", null, language.say("pack_new")), node);
}

/** @param {Host} host @param {number} place @returns {Field[]} */
function placeFields({ language }, place) {
  const n = place + 1;
  const isAsked = (/** @type {Record<string, string>} */ values) =>
    place === 0 || Boolean(values[`items.${place - 1}.batch_id`]);
  return [
    {
      name: `items.${place}.batch_id`,
      label: language.say("pack_batch", { n }),
      isRequired: place === 0,
      isShown: isAsked,
    },
    {
      name: `items.${place}.count`,
      label: language.say("pack_count", { n }),
      type: "number",
      value: "1",
      isShown: (values) => values.kind === "items" && isAsked(values),
    },
    {
      name: `variants.${place}.audience_id`,
      label: language.say("pack_audience", { n }),
      isShown: (values) => values.kind === "variants" && isAsked(values),
    },
  ];
}
