// @ts-check
/** Approvals: what waits for a second operator, and the buttons with which that one says yes or no. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { detail, idLink } from "../shared/detail.js";
import { askReason } from "../shared/dialog.js";
import { list } from "../shared/list.js";
import { approvalMessages } from "./messages-approvals.js";
import { stateLinks } from "../orders/state-links.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";

/** @import { Approval, ApprovalState, SendLimits } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @type {readonly ApprovalState[]} */
const STATES = ["waiting", "approved", "rejected", "withdrawn", "expired"];

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(approvalMessages);
  return view.id ? onePage(host, await host.api.getApproval(view.id)) : listPage(host, view);
}

/** @param {Host} host @param {OfficeView} view */
function listPage(host, view) {
  const { language } = host;
  const limits = h("p", { class: "hint" });
  return h(
    "div",
    { class: "office-section" },
    limits,
    stateLinks(host, view, STATES, "approval"),
    list(host, view, {
      caption: language.say("approvals_caption"),
      link: (row) => row.id,
      columns: [
        { title: language.say("approval_reason"), value: (row) => row.reason },
        { title: language.say("approval_state"), value: (row) => stateText(host, row) },
        {
          title: language.say("approval_students"),
          value: (row) => row.students,
          show: (row) => studentsText(host, row),
          isNumber: true,
        },
        {
          title: language.say("approval_amount"),
          value: (row) => row.amount,
          show: (row) => amountText(host, row),
          isNumber: true,
        },
        { title: language.say("approval_asked_by"), value: (row) => row.asked_by },
        {
          title: language.say("approval_asked_at"),
          value: (row) => row.asked_at,
          show: (row) => timeText(host, row.asked_at),
        },
      ],
      load: async (after, filters) => {
        const state = /** @type {ApprovalState|undefined} */ (filters.state || undefined);
        const found = await host.api.listApprovals({ limit: 50, after, state });
        limits.textContent = limitsText(host, found.limits);
        return { rows: found.approvals, next: found.next };
      },
      empty: h("p", null, language.say("approvals_empty")),
    }),
  );
}

/** @param {Host} host @param {Approval} approval */
function onePage(host, approval) {
  const { language } = host;
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, approval.reason),
    detail([
      [language.say("approval_state"), stateText(host, approval)],
      [language.say("approval_about"), idLink("sends", approval.about)],
      [language.say("approval_students"), studentsText(host, approval)],
      [language.say("approval_amount"), amountText(host, approval)],
      [language.say("approval_asked_by"), approval.asked_by],
      [language.say("approval_asked_at"), timeText(host, approval.asked_at)],
      [
        language.say("approval_expires_at"),
        approval.expires_at && timeText(host, approval.expires_at),
      ],
      [language.say("approval_decided_by"), approval.decided_by],
      [
        language.say("approval_decided_at"),
        approval.decided_at && timeText(host, approval.decided_at),
      ],
      [language.say("approval_note"), approval.note],
    ]),
    host.mayWrite && approval.state === "waiting" && buttons(host, approval),
  );
}

/** @param {Host} host @param {Approval} approval */
function buttons(host, approval) {
  const { api, language } = host;
  const problem = h("div");
  const decide = async (/** @type {"approve"|"reject"} */ call, /** @type {string} */ word) => {
    const note = await askReason(host, language.say(`${word}_ask`), language.say(word));
    if (note === null) return;
    try {
      await api[call](approval.id, note);
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  const button = (/** @type {"approve"|"reject"} */ call, /** @type {string} */ word) =>
    h(
      "button",
      { class: "plain-button", type: "button", onclick: () => void decide(call, word) },
      language.say(word),
    );
  return h(
    "section",
    { class: "panel stack" },
    h("p", { class: "hint" }, language.say("approval_by_another")),
    h(
      "div",
      { class: "office-row" },
      button("approve", "approval_yes"),
      button("reject", "approval_no"),
    ),
    problem,
  );
}

/** @param {Host} host @param {Approval} approval */
const stateText = (host, { state }) => host.language.say(`approval_${state}`);

/** @param {Host} host @param {Approval} approval */
const studentsText = (host, { students }) =>
  students === null ? host.language.say("approval_unknown") : String(students);

/** @param {Host} host @param {Approval} approval */
const amountText = (host, { amount, currency }) =>
  amount === null
    ? host.language.say("approval_unknown")
    : money(amount, currency, host.language.current);

/** @param {Host} host @param {SendLimits} limits */
function limitsText({ language }, { students, amount }) {
  const parts = [
    students === null ? "" : language.say("approval_most_students", { n: students }),
    amount === null ? "" : language.say("approval_most_amount", { n: amount }),
  ].filter(Boolean);
  return parts.length
    ? language.say("approval_limits", { limits: parts.join(" · ") })
    : language.say("approval_no_limits");
}
