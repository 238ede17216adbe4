// @ts-check
/** Lotteries: the list; one with its odds, what was won, the proof of its days, and its entries. */

import { h } from "/sdk/element/dom.js";
import { actButtons } from "../shared/act-buttons.js";
import { detail } from "../shared/detail.js";
import { list } from "../shared/list.js";
import { metadataNode } from "../shared/metadata.js";
import { lotteryForm } from "./lottery-form.js";
import { spinPart } from "./lottery-spins.js";
import { lotteriesMessages } from "./messages-lotteries.js";
import { table } from "../shared/table.js";
import { timeText } from "../shared/time-text.js";

/** @import { Lottery } from "/sdk/shapes.js" */
/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  host.language.add(lotteriesMessages);
  return view.id
    ? lotteryPage(host, view, await host.api.getLottery(view.id))
    : h(
        "div",
        { class: "office-section" },
        host.mayWrite && lotteryForm(host),
        lotteryList(host, view),
      );
}

/** @param {Host} host @param {OfficeView} view */
function lotteryList(host, view) {
  const { language } = host;
  return list(host, view, {
    caption: language.say("lotteries_caption"),
    link: (row) => row.id,
    columns: [
      { title: language.say("lottery_name"), value: (row) => row.name },
      {
        title: language.say("lottery_state"),
        value: (row) => row.state,
        show: (row) => language.say(`lottery_${row.state}`),
      },
      {
        title: language.say("lottery_open"),
        value: (row) => row.open,
        show: (row) => language.say(row.open ? "lottery_yes" : "lottery_no"),
      },
      { title: language.say("lottery_won"), value: wonTotal, isNumber: true },
      {
        title: language.say("lottery_made"),
        value: (row) => row.created_at,
        show: (row) => timeText(host, row.created_at),
      },
    ],
    load: async (after) => {
      const { lotteries, next } = await host.api.listLotteries({ limit: 50, after });
      return { rows: lotteries, next };
    },
    empty: h("p", null, language.say("lotteries_empty")),
  });
}

/** @param {Lottery} lottery */
const wonTotal = ({ prizes }) => prizes.reduce((sum, { won = 0 }) => sum + won, 0);

/** @param {number} ppm @returns {string} such as 0.5 % */
const percentText = (ppm) => `${ppm / 10_000} %`;

/** @param {Host} host @param {OfficeView} view @param {Lottery} lottery */
function lotteryPage(host, view, lottery) {
  const { language } = host;
  const text = (/** @type {string} */ name) => language.say(`lottery_${name}`);
  const { chances, window = {} } = lottery;
  return h(
    "div",
    { class: "office-section" },
    h("h3", null, lottery.name),
    detail([
      [text("id"), lottery.id],
      [text("state"), text(lottery.state)],
      [text("open"), text(lottery.open ? "yes" : "no")],
      [text("face"), text(`face_${lottery.face}`)],
      [text("empty_policy"), text(`policy_${lottery.empty_policy}`)],
      [text("per_student"), String(chances.per_student)],
      [text("per_day"), chances.per_day ? String(chances.per_day) : null],
      [text("from"), timeText(host, window.from)],
      [text("until"), timeText(host, window.until)],
      [text("legal"), lottery.legal],
      [text("url"), h("a", { href: lottery.url }, lottery.url)],
      [text("made"), timeText(host, lottery.created_at)],
    ]),
    metadataNode(host, lottery.metadata),
    host.mayWrite && lottery.state !== "ended" && buttons(host, lottery),
    h("h3", null, text("prizes")),
    table(
      text("prizes"),
      ["prize", "odds", "won", "won_today", "quantity", "day_most", "left", "batch"].map(text),
      lottery.prizes.map((prize) => [
        prize.name || text("nothing"),
        percentText(prize.ppm),
        prize.won ?? "",
        prize.won_today ?? "",
        prize.quantity ?? "",
        prize.per_day ?? "",
        prize.batch_id ? text(prize.left ? "yes" : "no") : "",
        prize.batch_id ?? "",
      ]),
    ),
    h("h3", null, text("proof")),
    h("p", { class: "hint" }, text("proof_hint")),
    table(
      text("proof"),
      ["day", "commitment", "seed"].map(text),
      lottery.days.map(({ day, commitment, seed }) => [
        day,
        h("code", { class: "office-long" }, commitment),
        seed ? h("code", { class: "office-long" }, seed) : text("seed_later"),
      ]),
    ),
    h("h3", null, text("spins")),
    spinPart(host, view, lottery),
  );
}

/** @param {Host} host @param {Lottery} lottery */
function buttons(host, { id, state }) {
  const { language, api } = host;
  const become =
    (/** @type {"active"|"paused"|"ended"} */ wanted) => async (/** @type {string} */ reason) => {
      await api.changeLottery(id, { state: wanted, ...(reason && { reason }) });
    };
  return actButtons(host, [
    state === "active"
      ? {
          text: language.say("lottery_pause"),
          ask: language.say("lottery_pause_ask"),
          act: become("paused"),
        }
      : { text: language.say("lottery_resume"), act: become("active") },
    {
      text: language.say("lottery_end"),
      isDanger: true,
      ask: language.say("lottery_end_ask"),
      act: become("ended"),
    },
  ]);
}
