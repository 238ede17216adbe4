// @ts-check
/** The texts of the drops that run now. */

/** @type {Record<string, readonly [string, string]>} */
export const liveMessages = {
  live_title: ["正在进行的投放", "Drops that run now"],
  live_none: ["现在没有进行中的投放。", "No drop runs now."],
  live_hint: [
    "“已抢”来自现场计数，其余来自账本；报表大约晚一秒，只计已确认的券，两者不要相加。",
    "Taken is counted live, the rest is of the ledger. Reports are about a second behind and have confirmed coupons only: do not add both.",
  ],
  live_drop: ["投放", "Drop"],
  live_room: ["直播间", "Room"],
  live_state: ["状态", "State"],
  live_remaining: ["剩余 / 总量", "Left / all"],
  live_claimed: ["已抢", "Taken"],
  live_confirmed: ["已确认", "Confirmed"],
  live_redeemed: ["已使用", "Used"],
  live_gmv: ["成交额", "Paid with coupons"],
  live_present: ["在线", "In the room"],
  live_more: ["还有更多进行中的投放。", "There are more drops that run."],
  live_old: [
    "暂时无法更新，数字可能已旧。",
    "These figures could not be read again and may be old.",
  ],
  live_state_scheduled: ["倒计时", "Counting down"],
  live_state_open: ["领取中", "Open"],
  live_state_sold_out: ["已抢光", "Sold out"],
  live_state_drawing: ["开奖中", "Drawing"],
  live_state_closed: ["已结束", "Closed"],
};
