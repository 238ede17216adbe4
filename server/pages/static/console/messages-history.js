// @ts-check
/** The texts of a room's history, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const historyMessages = {
  history: ["历史记录", "History"],
  to_console: ["讲台", "Console"],
  history_empty: [
    "这间教室还没有发放过。发放之后，每次的曝光、领取、使用和花费会列在这里。",
    "Nothing has been dropped in this room yet. Afterwards each drop is listed here: shown, claimed, used, cost.",
  ],
  col_drop: ["发放", "Drop"],
  col_shown: ["曝光", "Shown"],
  col_claimed: ["领取", "Claimed"],
  col_used: ["使用", "Used"],
  col_paid: ["用券订单金额", "Paid with it"],
  col_cost: ["优惠花费", "Cost"],
  day_sum: ["这节课合计", "The lesson's sum"],
  day_of: ["{at} 的课", "Lesson of {at}"],
  sum_note: [
    "一笔订单用了两次发放的券，会在两行和合计中各计一次。",
    "An order with coupons of two drops counts in both lines and twice in the sum.",
  ],
  open_drop: ["查看谁领取了：{name}", "Who claimed: {name}"],
  who_claimed: ["领取名单：{name}", "Who claimed: {name}"],
  nobody: ["没有人领取。", "Nobody claimed."],
  reading: ["正在读取…", "Reading…"],
  csv: ["下载 CSV", "Download CSV"],
  curve: [
    "开始后的领取进度：{n} 张，{span} 秒",
    "Claims since the opening: {n} within {span} seconds",
  ],
  col_student: ["学生", "Student"],
  col_state: ["状态", "State"],
  col_won: ["领取时间", "Claimed at"],
  claim_won: ["确认中", "Being confirmed"],
  claim_confirmed: ["已领取", "Claimed"],
  claim_released: ["未及时使用，已释放", "Not used in time"],
  claim_revoked: ["已收回", "Taken back"],
  first_n: [
    "名单显示前 {n} 位，CSV 中有全部 {all} 位。",
    "The first {n} are listed; the CSV has all {all}.",
  ],
  more: ["更多", "More"],
};
