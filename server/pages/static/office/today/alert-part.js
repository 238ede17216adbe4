// @ts-check
/** The alerts that are open, each with the button that mends it. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { minorOf } from "../shared/money-text.js";
import { trouble } from "../shared/trouble.js";
import { timeText } from "../shared/time-text.js";

/** @import { Alert, AlertAct, Alerts } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host @param {Alerts} alerts */
export function alertPart(host, { alerts, next }) {
  const { language } = host;
  return h(
    "section",
    { class: "panel stack" },
    h("h3", null, language.say("today_alerts")),
    alerts.length === 0 && h("p", { class: "office-empty" }, language.say("today_no_alerts")),
    h("ul", { class: "alerts" }, ...alerts.map((alert) => alertRow(host, alert))),
    next && h("p", { class: "hint" }, language.say("today_more_alerts")),
  );
}

/** @param {Host} host @param {Alert} alert */
function alertRow(host, alert) {
  const { language } = host;
  const problem = h("div");
  const amount = needsAmount(alert)
    ? h("input", { type: "number", min: 0, step: "any", required: true })
    : null;
  const act = async (/** @type {AlertAct} */ name) => {
    try {
      const body = amount && name !== "dismiss" ? { amount: amountOf(alert, amount.value) } : {};
      await host.api.actOnAlert(alert.id, { act: name, ...body });
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  const [mend] = alert.acts;
  const form = h(
    "form",
    { class: "office-row" },
    amount && h("label", { class: "field" }, language.say(`alert_amount_${mend}`), amount),
    h("button", { class: "plain-button", type: "submit" }, language.say(`alert_act_${mend}`)),
    h(
      "button",
      { class: "quiet", type: "button", onclick: () => void act("dismiss") },
      language.say("alert_act_dismiss"),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void act(mend);
  });
  return h(
    "li",
    { "data-worse": isWorse(alert) },
    h("strong", null, alertText(host, alert)),
    h("p", { class: "hint" }, factsText(host, alert)),
    host.mayWrite && form,
    problem,
  );
}

/** @param {Alert} alert */
const isWorse = ({ kind, level }) =>
  kind === "coupons_unused" ? level >= 80 : level >= 2 && level !== 80;

/** @param {Alert} alert */
const needsAmount = ({ acts }) => acts[0] === "raise_budget" || acts[0] === "top_up";

/** @param {Alert} alert @param {string} text */
const amountOf = ({ currency }, text) => (currency ? minorOf(text, currency) : Number(text));

/** @param {Host} host @param {Alert} alert */
const alertText = ({ language }, { kind, name, level }) =>
  language.say(`alert_${kind}`, { name, level });

/** @param {Host} host @param {Alert} alert */
function factsText(host, { kind, amount, left, currency, reason, raised_at }) {
  const { language } = host;
  const text = (/** @type {number} */ n) =>
    currency ? money(n, currency, language.current) : String(n);
  const facts = [
    amount !== null && left !== null
      ? language.say(kind === "coupons_unused" ? "alert_unused" : "alert_left", {
          left: text(left),
          amount: text(amount),
        })
      : amount !== null && language.say("alert_findings", { n: amount }),
    reason,
    language.say("alert_since", { time: timeText(host, raised_at) }),
  ];
  return facts.filter(Boolean).join(" · ");
}
