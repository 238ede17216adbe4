// @ts-check
/** One student's whole story: who they are, what they have, what they bought, and what may be done for them. */

import { h } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { detail, idLink } from "../shared/detail.js";
import { askReason } from "../shared/dialog.js";
import { voidButton } from "./find-page.js";
import { issueForm } from "./issue-form.js";
import { list } from "../shared/list.js";
import { timeText } from "../shared/time-text.js";
import { trouble } from "../shared/trouble.js";

/** @import { RecordBlock, RecordSection, StudentRecord } from "/sdk/shapes.js" */
/** @import { Column } from "../shared/list.js" */
/** @import { Host } from "../shared/host.js" */

/** @param {Host} host @param {StudentRecord} record */
export function studentStory(host, record) {
  const { language } = host;
  const say = (/** @type {string} */ key) => language.say(key);
  const { profile } = record;
  const sum = (/** @type {number} */ amount, /** @type {string} */ currency) =>
    money(amount, currency, language.current, true);
  const mayIssue = host.mayWrite || host.role === "support";
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, profile?.name ?? record.id),
    detail([
      [say("student_id"), record.id],
      [say("student_tags"), profile?.tags.join(", ")],
      [say("student_registered"), timeText(host, profile?.registered_at)],
      [say("student_first_seen"), timeText(host, profile?.first_seen)],
      [say("student_last_seen"), timeText(host, profile?.last_seen)],
      [say("student_lessons"), profile?.lessons_done ? String(profile.lessons_done) : ""],
      [
        say("student_balance"),
        record.balance.map(({ amount, currency }) => sum(amount, currency)).join(" + "),
      ],
      [say("student_blocked"), blockText(host, blockOf(record))],
    ]),
    host.mayWrite && blockButton(host, record),
    mayIssue && issueForm(host, record.id),
    couponSection(host, record),
    section(host, record, "orders", "student_orders", [
      {
        title: say("student_order"),
        value: (row) => row.order_id,
        show: (row) => idLink("orders", row.order_id),
      },
      { title: say("student_state"), value: (row) => say(`order_${row.state}`) },
      {
        title: say("student_discount"),
        value: (row) => sum(row.discount, row.currency),
        isNumber: true,
      },
      {
        title: say("student_payable"),
        value: (row) => sum(row.payable, row.currency),
        isNumber: true,
      },
      time(host, "student_at", (row) => row.created_at),
    ]),
    section(host, record, "claims", "student_claims", [
      { title: say("student_drop"), value: (row) => row.drop_id },
      { title: say("student_state"), value: (row) => say(`claim_${row.state}`) },
      time(host, "student_won", (row) => row.won_at),
    ]),
    section(host, record, "balance_entries", "student_entries", [
      time(host, "student_at", (row) => row.at),
      { title: say("student_kind"), value: (row) => say(`entry_${row.kind}`) },
      {
        title: say("student_amount"),
        value: (row) => sum(row.amount, row.currency),
        isNumber: true,
      },
    ]),
    section(host, record, "messages", "student_messages", [
      time(host, "student_at", (row) => row.created_at),
      { title: say("student_kind"), value: (row) => row.kind },
      { title: say("student_channel"), value: (row) => row.channel },
      { title: say("student_state"), value: (row) => row.state },
      { title: say("student_text"), value: (row) => row.text },
    ]),
    section(host, record, "acts", "student_acts", [
      time(host, "student_at", (row) => row.at),
      { title: say("student_actor"), value: (row) => row.actor },
      { title: say("student_action"), value: (row) => row.action },
    ]),
  );
}

/** @param {Host} host @param {StudentRecord} record */
function couponSection(host, record) {
  const { language } = host;
  const say = (/** @type {string} */ key) => language.say(key);
  return section(host, record, "coupons", "student_coupons", [
    {
      title: say("student_code"),
      value: (row) => row.code,
      show: (row) => idLink("find", row.code),
    },
    { title: say("student_coupon"), value: (row) => row.name },
    { title: say("student_state"), value: (row) => say(`coupon_${seenState(row)}`) },
    { title: say("student_source"), value: (row) => say(`source_${row.source}`) },
    time(host, "student_until", endOf),
    {
      title: "",
      value: () => "",
      show: (row) => host.mayWrite && row.state === "usable" && voidButton(host, row.code),
    },
  ]);
}

/** Sections that are there also where they are empty. @type {ReadonlySet<RecordSection>} */
const ALWAYS = new Set(/** @type {const} */ (["coupons", "orders"]));

/** @typedef {NonNullable<StudentRecord["coupons"]>[number]} RecordCoupon */

/** The state that the student sees. @param {RecordCoupon} row */
function seenState(row) {
  if (row.state === "voided") return "revoked";
  return row.state === "usable" && Date.parse(endOf(row)) <= Date.now() ? "expired" : row.state;
}

/** @param {RecordCoupon} row */
const endOf = ({ valid_until, hold_until }) =>
  hold_until && hold_until < valid_until ? hold_until : valid_until;

/**
 * A section of the record, read on from where its first rows end.
 *
 * @template {Exclude<RecordSection, "blocks"|"jobs"|"refunds">} S
 * @param {Host} host @param {StudentRecord} record @param {S} name @param {string} title
 * @param {Column<NonNullable<StudentRecord[S]>[number]>[]} columns
 */
function section(host, record, name, title, columns) {
  const { language } = host;
  /** @typedef {NonNullable<StudentRecord[S]>[number]} Row */
  if (!ALWAYS.has(name) && !record[name]?.length) return false;
  return h(
    "section",
    { class: "office-section" },
    h("h4", null, language.say(title)),
    list(
      host,
      { page: "students", id: record.id, filters: {} },
      {
        caption: language.say(title),
        columns,
        load: async (after) => {
          const part = after
            ? await host.api.getStudent(record.id, { section: name, after, limit: 50 })
            : record;
          const rows = /** @type {Row[]} */ (part[name] ?? []);
          return { rows, next: part.more[name] ?? null };
        },
        empty: h("p", null, language.say("student_none")),
      },
    ),
  );
}

/**
 * @template T
 * @param {Host} host @param {string} title @param {(row: T) => string|undefined} at
 * @returns {Column<T>}
 */
const time = (host, title, at) => ({
  title: host.language.say(title),
  value: at,
  show: (row) => timeText(host, at(row)),
});

/** @param {StudentRecord} record @returns {RecordBlock|undefined} the block that is in force */
const blockOf = (record) =>
  record.blocks?.find(
    ({ kind, ended_at, until }) =>
      kind === "student" && !ended_at && (!until || Date.parse(until) > Date.now()),
  );

/** @param {Host} host @param {RecordBlock|undefined} block */
function blockText(host, block) {
  const { language } = host;
  if (!block) return "";
  const { until, reason } = block;
  return until
    ? language.say("student_blocked_until", { at: timeText(host, until), reason })
    : language.say("student_blocked_open", { reason });
}

/** @param {Host} host @param {StudentRecord} record */
function blockButton(host, record) {
  const { language, api } = host;
  const isBlocked = Boolean(blockOf(record));
  const problem = h("div");
  const word = language.say(isBlocked ? "student_unblock" : "student_block");
  const press = async () => {
    try {
      if (isBlocked) await api.endBlockOf("student", record.id);
      else {
        const question = language.say("student_block_ask", { student: record.id });
        const reason = await askReason(host, question, word);
        if (reason === null) return;
        await api.block({ kind: "student", value: record.id, reason });
      }
      host.refresh();
    } catch (fault) {
      problem.replaceChildren(trouble(host, fault));
    }
  };
  const look = isBlocked ? "plain-button" : "plain-button danger";
  return h(
    "div",
    { class: "office-row" },
    h("button", { class: look, type: "button", onclick: () => void press() }, word),
    problem,
  );
}
