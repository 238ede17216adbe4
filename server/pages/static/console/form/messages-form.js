// @ts-check
/**
 * The texts of the fields that say how a drop ends and who rehearses it, and of the cards that show it. Used by
 * the console, beside `../shared/messages.js`.
 */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const formMessages = {
  ends_open_end: ["直到我结束", "Until I end it"],
  ends_at: ["到某个时间", "Until a time"],
  ends_at_label: ["结束时间", "Time of the end"],
  ends_hint_open_end: [
    "一直开放，直到你按“结束发放”或全部领完，最长 30 天。",
    "Stays open until you press End drop, or all are gone: 30 days at most.",
  ],
  field_end: ["请填一个以后的时间", "A time that is still to come"],
  length_open_end: ["由你结束", "until you end it"],
  length_at: ["{at} 结束", "until {at}"],
  clock_open_end: ["等你结束", "Until you end it"],

  rehearsal_for: ["彩排，不计入任何数字：{n} 位测试学员", "Rehearsal, nothing counts: {n} testers"],
  rehearsal_for_one: ["彩排，不计入任何数字：1 位测试学员", "Rehearsal, nothing counts: 1 tester"],
};
