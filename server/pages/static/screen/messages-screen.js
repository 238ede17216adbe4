// @ts-check
/** The texts of the page for the projector, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const screenMessages = {
  screen_waiting: ["下一张券马上就来", "The next coupon comes soon"],
  screen_scan: ["扫码进入教室领取", "Scan to enter the room"],
  screen_left_of: ["剩余 {n} / {all} 张", "{n} of {all} left"],
  screen_to_draw: ["将抽出 {n} 张", "{n} to be drawn"],
  screen_opens_in: ["距开抢", "Opens in"],
  screen_draw_opens_in: ["距开始", "Opens in"],
  screen_closes_in: ["距结束", "Closes in"],
  screen_no_end: ["领取中", "Open"],
  screen_sold_out: ["已领完", "All gone"],
  screen_drawing: ["正在抽取", "Drawing"],
  screen_sealed: ["{n} 人参加，名单已封存", "{n} are in, and the list is sealed"],
  screen_drawn: ["{n} 人参加，抽出 {winners} 人", "{winners} drawn out of {n}"],
  screen_closed: ["已结束", "Over"],
  screen_aborted: ["抽取已取消", "The draw was called off"],
  screen_winners: ["他们抢到了", "They got one"],
  screen_winners_more: ["另有 {n} 人", "and {n} more"],
  screen_fingerprint: ["抽签指纹 {digits}…", "Fingerprint of the draw {digits}…"],
  screen_other: ["{value} · {name} · {state}", "{value} · {name} · {state}"],
};
