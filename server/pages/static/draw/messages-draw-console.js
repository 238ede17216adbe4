// @ts-check
/** The texts of draws and of the screen on the console, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const drawConsoleMessages = {
  mode: ["怎么发", "How it goes out"],
  mode_first: ["先到先得", "First come"],
  mode_draw: ["公平抽取", "A draw"],
  mode_first_hint: ["点得快的学生领到。", "Students who tap first get one."],
  mode_draw_hint: [
    "结束前点过的学生都参加，结束后抽出；名单先封存，任何人都能验证。",
    "All who tap before the end are in, and are drawn then. The entries are sealed first, and anybody can check it.",
  ],
  mode_refused: [
    "抽取不能同时带任务，也不能彩排。",
    "A draw has no task, and cannot be a rehearsal.",
  ],
  show_winners: ["在教室和大屏上显示领到的人", "Show who got one, in the room and on the screen"],
  show_winners_hint: [
    "只显示隐去的名字，例如 王*、A***。",
    "Only masked names, such as 王* and A***.",
  ],
  draw_entries: ["已有 {n} 人参加", "{n} have entered"],
  draw_entries_none: ["还没有人参加", "Nobody has entered yet"],
  draw_sealed_console: ["{n} 人参加，名单已封存", "{n} are in, and the list is sealed"],
  draw_done_console: ["{n} 人参加，抽出 {winners} 人", "{winners} drawn out of {n}"],
  draw_aborted_console: ["已取消，没有人中签", "Called off: nobody won"],
  draw_proof: ["证明（谁都可以验证）", "The proof, for anybody to check"],
  draw_who_won: ["中签的学生", "Students who won"],
  draw_who_none: ["还没有", "None yet"],
  draw_who_more: ["更多", "More"],
  abort: ["取消抽取", "Call the draw off"],
  abort_hint: [
    "取消后没有人中签，原因和名单会一直公开。",
    "Then nobody wins, and the reason and the entries stay public for good.",
  ],
  abort_reason: ["原因（学生看得到）", "Reason (students see it)"],
  abort_send: ["确定取消", "Call it off"],
  abort_keep: ["继续抽取", "Go on with it"],
  screen: ["大屏", "Screen"],
  screen_hint: [
    "投影用的页面：大时钟、剩余数量、二维码。这个链接只能看，12 小时内有效。",
    "A page for the projector: clock, what is left, QR code. This link can only look, for 12 hours.",
  ],
  screen_open: ["打开大屏", "Open the screen"],
  screen_copy: ["复制链接", "Copy the link"],
  screen_copied: ["已复制", "Copied"],
  screen_close: ["关闭", "Close"],
};
