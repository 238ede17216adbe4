// @ts-check
/** The states of a list as links that restrict it: each is an address, as every filter is. */

import { h } from "/sdk/element/dom.js";
import { addressOf } from "../shared/address.js";

/** @import { Host, OfficeView } from "../shared/host.js" */

/**
 * @param {Host} host @param {OfficeView} view @param {readonly string[]} states
 * @param {string} prefix of the texts of the states: `prefix_state`
 */
export function stateLinks(host, view, states, prefix) {
  const { language } = host;
  const current = view.filters.state ?? "";
  const link = (/** @type {string} */ state) =>
    h(
      "a",
      {
        href: addressOf({ ...view, filters: { ...view.filters, state } }),
        "aria-current": state === current && "true",
      },
      language.say(state ? `${prefix}_${state}` : "office_all"),
    );
  return h(
    "nav",
    { class: "office-states", "aria-label": language.say("office_state") },
    ...["", ...states].map(link),
  );
}
