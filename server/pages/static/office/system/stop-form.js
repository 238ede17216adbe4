// @ts-check
/** The form of the red switch: what to stop, why, and a word that must be typed. */

import { fill, h } from "/sdk/element/dom.js";
import { form } from "../shared/form.js";
import { stopRoom } from "./stop-room.js";

/** @import { Host } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

const PARTS = ["both", "claims", "use"];

/** @param {Host} host @param {Record<string, string>} filters of the address: `what` and `id` may be given */
export function stopForm(host, filters) {
  const { language } = host;
  const said = h("p", { role: "status" });
  const word = language.say("stop_word");
  const isOf =
    (/** @type {string[]} */ ...kinds) =>
    (/** @type {Values} */ { what }) =>
      kinds.includes(what);
  const kinds = ["everything", "campaign", "batch", "instructor", "room"];
  const node = form(
    host,
    [
      {
        name: "what",
        label: language.say("stop_what"),
        type: "select",
        value: kinds.includes(filters.what) ? filters.what : "batch",
        choices: kinds.map((kind) => [kind, language.say(`stop_${kind}`)]),
      },
      {
        name: "id",
        label: language.say("stop_id"),
        value: filters.id ?? "",
        isRequired: true,
        isShown: ({ what }) => what !== "everything",
      },
      {
        name: "parts",
        label: language.say("stop_parts"),
        type: "select",
        choices: PARTS.map((part) => [
          part,
          language.say(part === "both" ? "stop_both" : `stop_only_${part}`),
        ]),
        isShown: isOf("everything", "campaign", "batch"),
      },
      {
        name: "reason",
        label: language.say("stop_reason_kept"),
        isRequired: true,
        isWide: true,
        max: 200,
      },
      {
        name: "typed",
        label: language.say("stop_typed", { word }),
        isRequired: true,
      },
    ],
    {
      button: language.say("stop_press"),
      bodyOf: (values) => values,
      send: async (values) => {
        fill(said);
        if (values.typed.toLowerCase() !== word.toLowerCase()) {
          fill(said, language.say("stop_not_typed"));
          return;
        }
        fill(said, await stop(host, values));
        if (values.what === "everything" || values.what === "instructor") host.refresh();
      },
    },
  );
  return h(
    "section",
    { class: "panel office-stop" },
    h("h3", null, language.say("stop_title")),
    node,
    said,
  );
}

/** @param {Host} host @param {Values} values @returns {Promise<string>} what was done, in words */
async function stop(host, values) {
  const { api, language } = host;
  const { what, id, reason } = values;
  const body = stopBody(values);
  if (what === "room")
    return language.say("stop_room_done", { n: await stopRoom(host, id, reason) });
  if (what === "instructor") await api.stopInstructor(id, reason);
  else if (what === "campaign") await api.stopCampaign(id, body);
  else if (what === "batch") await api.stopBatch(id, body);
  else await api.stopEverything(body);
  return language.say("stop_done");
}

/** @param {Values} values */
const stopBody = ({ parts, reason }) => ({
  claims: parts !== "use",
  use: parts !== "claims",
  reason,
});
