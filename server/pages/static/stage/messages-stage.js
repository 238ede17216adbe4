// @ts-check
/** The texts of the run sheet. The console adds them to its own when it loads the run sheet. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const stageMessages = {
  stage: ["流程单", "Run sheet"],
  class_not_begun: [
    "还没上课，分钟从开始上课起算",
    "The class has not begun: its minutes count from then",
  ],
  class_minute: ["上课第 {n} 分钟", "Minute {n} of the class"],
  class_paused: ["已暂停，课堂分钟不走", "On hold: the minutes of the class stand still"],
  class_begin: ["开始上课", "Begin class"],
  class_again: ["重新计时", "Begin again"],
  class_again_ask: [
    "从现在起重新计算课堂分钟？还没发放的会按新的分钟自动发放。",
    "Count the minutes of the class from now? What waits for a minute then opens by the new count.",
  ],
  video_at: ["视频播放到 {at}", "Video at {at}"],
  video_silent: ["播放器没有消息，最后在 {at}", "The player is silent; it was last at {at}"],
  video_none: ["还没有播放器报告视频进度", "No player has told where the video is"],
  hold: ["暂停自动发放", "Hold"],
  resume: ["恢复自动发放", "Resume"],
  held_by: [
    "{who} 已暂停：不会自动发放，手动仍可发。",
    "Held by {who}: nothing opens by itself. Your own press still does.",
  ],

  cue_hand: ["手动发放", "By hand"],
  cue_at: ["{at} 自动发放", "Opens {at}"],
  cue_minute: ["上课第 {n} 分钟自动发放", "Opens at minute {n} of the class"],
  cue_video: ["视频 {at} 自动发放", "Opens at {at} of the video"],
  cue_in: ["，还有 {time}", ", in {time}"],
  cue_missed: [
    "已错过发放时刻（超过 2 分钟），没有自动发放。请手动发放，或改一个时刻。",
    "Its moment is over by more than 2 minutes: it did not open. Press Drop, or give it another moment.",
  ],
  cue_short: [
    "没能自动发放：批次的库存不够。请减少数量，或联系运营。",
    "It could not open by itself: the batch has too little left. Lower the quantity, or ask operations.",
  ],
  cue_refused: ["没能自动发放：{reason}", "It could not open by itself: {reason}"],

  move_up: ["上移：{name}", "Move up: {name}"],
  move_down: ["下移：{name}", "Move down: {name}"],
  moved_to: ["{name}：第 {n} / {all} 位", "{name}: place {n} of {all}"],
  edit: ["修改", "Edit"],
  remove: ["删除", "Delete"],
  remove_ask: ["删除备好的“{name}”？", "Delete the prepared “{name}”?"],
  remove_keep: ["保留", "Keep it"],
  removed: ["已删除：{name}", "Deleted: {name}"],
  save: ["保存", "Save"],
  cancel: ["取消", "Cancel"],
  saved: ["已保存", "Saved"],
  opens: ["什么时候发放", "Opens"],
  opens_hand: ["手动", "By hand"],
  opens_minute: ["课堂第几分钟", "At a minute of the class"],
  opens_video: ["视频播放到", "At a time of the video"],
  opens_at: ["某个时间", "At a time of day"],
  minute_label: ["上课后的分钟数", "Minutes after the class began"],
  video_label: ["视频时间（分:秒）", "Time of the video (min:s)"],
  at_label: ["发放时间", "Time of day"],
  field_minute: ["请填 0 到 1440 的整数", "A whole number from 0 to 1440"],
  field_video: ["请填 12:30 这样的时间", "A time like 12:30"],
  field_at: ["请填一个以后的时间", "A time that is still to come"],

  rehearsal: ["彩排", "Rehearsal"],
  rehearsal_hint: [
    "只有下面的测试学员看得到。不占库存，不计入任何数字，领到的券不能使用。",
    "Only these testers see it. No stock is taken, nothing counts, and its coupons cannot be used.",
  ],
  testers: ["测试学员编号", "Testers (student numbers)"],
  testers_hint: ["用空格、逗号或换行隔开", "Separated by spaces, commas or lines"],
  field_testers: ["请填写测试学员的编号。", "Enter the testers."],

  reopen: ["再次开放", "Open again"],
  reopen_hint: [
    "还是同一次发放：已领到的学员不能再领。新开放的数量从批次里取。",
    "It is the same drop: who has its coupon cannot claim again. The units come from the batch.",
  ],
  reopen_quantity: ["再放多少张", "How many more"],
  reopen_too_old: [
    "结束已超过 12 小时，请新建一次发放。",
    "It ended more than 12 hours ago: make a new drop.",
  ],
  reopen_wrong_state: [
    "不能再次开放：它已经开放了，或结束已超过 12 小时。",
    "It cannot be opened again: it is open already, or ended more than 12 hours ago.",
  ],
  reopen_in_progress: [
    "它还在收尾，请过几秒再试。",
    "It is still being closed: try again in a few seconds.",
  ],
};
