// @ts-check
/** The match of a statement with the payment provider's file. */

import { h } from "/sdk/element/dom.js";
import { csvText, saveFile } from "../shared/csv.js";
import { detail } from "../shared/detail.js";
import { paymentOrders, PaymentFileError } from "./payment-file.js";
import { trouble } from "../shared/trouble.js";

/** @import { StatementMatch } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host @param {Record<string, string>} days */
export function matchPart(host, { from, to }) {
  const { language } = host;
  const result = h("div", { role: "status" });
  const input = h("input", { type: "file", accept: ".csv,text/csv" });
  input.addEventListener("change", async () => {
    const [file] = input.files ?? [];
    if (!file) return;
    try {
      const orders = paymentOrders(await file.text());
      const match = await host.api.matchStatement({ from, to, orders });
      result.replaceChildren(matchNode(host, match));
    } catch (fault) {
      result.replaceChildren(
        fault instanceof PaymentFileError ? fileTrouble(host, fault) : trouble(host, fault),
      );
    }
    input.value = ""; // the same file may be chosen again once it is mended
  });
  return h(
    "section",
    { class: "panel stack" },
    h("h3", null, language.say("match_title")),
    h("p", { class: "hint" }, language.say("match_hint")),
    h("label", { class: "field" }, language.say("match_file"), input),
    result,
  );
}

/** @param {Host} host @param {PaymentFileError} error */
const fileTrouble = ({ language }, { reason, row }) =>
  h(
    "p",
    { class: "trouble", role: "alert" },
    reason === "header"
      ? language.say("match_bad_header")
      : language.say("match_bad_row", { n: row }),
  );

/** @param {Host} host @param {StatementMatch} match */
function matchNode({ language }, match) {
  const save = () => saveFile("match.csv", csvText(differences(match)));
  const isEqual = match.different_total + match.only_here_total + match.only_there_total === 0;
  return h(
    "div",
    { class: "stack" },
    detail([
      [language.say("match_equal"), String(match.equal)],
      [language.say("match_different"), String(match.different_total)],
      [language.say("match_only_here"), String(match.only_here_total)],
      [language.say("match_only_there"), String(match.only_there_total)],
    ]),
    !isEqual &&
      h(
        "p",
        null,
        h(
          "button",
          { class: "plain-button", type: "button", onclick: save },
          language.say("match_save"),
        ),
      ),
  );
}

/** @param {StatementMatch} match @returns {(string|number)[][]} the first 1,000 of each kind, as the server gives them */
const differences = (match) => [
  ["kind", "order", "paid", "refunded", "their_paid", "their_refunded"],
  ...match.different.map((row) => [
    "different",
    row.order,
    row.paid,
    row.refunded,
    row.their_paid,
    row.their_refunded,
  ]),
  ...match.only_here.map((row) => ["only_here", row.order, row.paid, row.refunded]),
  ...match.only_there.map((row) => ["only_there", row.order, "", "", row.paid, row.refunded]),
];
