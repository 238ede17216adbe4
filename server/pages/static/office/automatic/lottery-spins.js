// @ts-check
/** The entries of a lottery, and one student's computed again from the seeds that are public. */

import { h } from "/sdk/element/dom.js";
import { verifySpins } from "/sdk/lotteries.js";
import { actButtons } from "../shared/act-buttons.js";
import { list } from "../shared/list.js";
import { timeText } from "../shared/time-text.js";

/** @import { Lottery, SpinOutcome, SpinRecord } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

const OUTCOMES = /** @type {const} */ (["won", "nothing"]);

/** @param {Host} host @param {OfficeView} view @param {Lottery} lottery */
export function spinPart(host, view, lottery) {
  const { language } = host;
  const { student } = view.filters;
  return h(
    "div",
    { class: "office-section" },
    spinList(host, view, lottery),
    student
      ? actButtons(host, [
          { text: language.say("spin_check"), act: () => checkedNode(host, lottery, student) },
        ])
      : h("p", { class: "hint" }, language.say("spin_check_hint")),
  );
}

/** @param {Host} host @param {OfficeView} view @param {Lottery} lottery */
function spinList(host, view, lottery) {
  const { language } = host;
  const text = (/** @type {string} */ name) => language.say(`spin_${name}`);
  return list(host, view, {
    caption: language.say("lottery_spins"),
    filters: [
      { name: "student", label: text("student") },
      {
        name: "outcome",
        label: text("outcome"),
        choices: [
          ["", text("any")],
          ...OUTCOMES.map((each) => /** @type {const} */ ([each, text(each)])),
        ],
      },
    ],
    columns: [
      { title: text("at"), value: (row) => row.at, show: (row) => timeText(host, row.at) },
      { title: text("student"), value: (row) => row.student },
      { title: text("n"), value: (row) => row.n, isNumber: true },
      { title: text("number"), value: (row) => row.number, isNumber: true },
      {
        title: text("outcome"),
        value: (row) => row.outcome ?? "",
        show: (row) => text(row.outcome ?? "waiting"),
      },
      {
        title: language.say("lottery_prize"),
        value: (row) => prizeName(lottery, row),
      },
      { title: text("coupon"), value: (row) => row.coupon_id ?? "" },
    ],
    load: async (after, { student, outcome }) => {
      const { spins, next } = await host.api.listSpins(lottery.id, {
        limit: 50,
        after,
        ...(student && { student }),
        ...(outcome && { outcome: /** @type {SpinOutcome} */ (outcome) }),
      });
      return { rows: spins, next };
    },
    empty: h("p", null, language.say("lottery_spins_empty")),
  });
}

/** @param {Lottery} lottery @param {SpinRecord} spin */
const prizeName = ({ prizes }, { prize }) =>
  prize == null ? "" : (prizes.find(({ place }) => place === prize)?.name ?? String(prize));

/** @param {Host} host @param {Lottery} lottery @param {string} student */
async function checkedNode(host, lottery, student) {
  const spins = [];
  /** @type {string|undefined} */
  let after;
  do {
    const page = await host.api.listSpins(lottery.id, { limit: 200, after, student });
    spins.push(...page.spins);
    after = page.next ?? undefined;
  } while (after);
  const checked = await verifySpins(lottery, spins);
  const count = (/** @type {string} */ verdict) =>
    checked.filter((each) => each.verdict === verdict).length;
  const [good, waiting] = [count("good"), count("waiting")];
  const bad = checked.length - good - waiting;
  const counts = { n: checked.length, good, waiting, bad };
  return h("p", { class: bad ? "trouble" : "panel" }, host.language.say("spin_checked", counts));
}
