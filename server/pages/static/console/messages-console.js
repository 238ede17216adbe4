// @ts-check
/** The texts of the teacher's console. Used by it, beside `../shared/messages.js`. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const consoleMessages = {
  // overview
  live_drops: ["正在进行", "On now"],
  live_empty: ["还没有进行中的发券。", "No drop is running."],
  past_drops: ["已结束", "Ended"],
  ready_drops: ["已备好", "Ready to go"],
  ready_empty: [
    "课前可以先备好，上课时按一下就发。",
    "Prepare drops before class; one press sends them.",
  ],
  new_drop: ["新的发券", "New drop"],

  // who alone may claim
  audience_only: ["仅限：{who}", "Only for: {who}"],
  audience_tag: ["标签 {names}", "tag {names}"],
  audience_tags: ["标签 {names}", "tags {names}"],
  audience_student: ["{n} 位指定学生", "{n} named student"],
  audience_students: ["{n} 位指定学生", "{n} named students"],
  audience_new: ["新账号", "new accounts"],
  audience_or: ["、", ", "],
  audience_and: ["；", "; "],
  sent: ["已发放 ✓", "Dropped ✓"],

  // form
  batch: ["优惠券批次", "Coupon batch"],
  batch_option: ["{name}（可发 {n} 张）", "{name} ({n} left to drop)"],
  no_batches: [
    "还没有可在这间教室发放的批次，请联系运营。",
    "There is no batch for this room yet. Ask your operations team.",
  ],
  quantity: ["数量", "Quantity"],
  duration: ["领取时长", "Open for"],
  other: ["其他", "Other"],
  minutes_unit: ["分钟", "minutes"],
  message: ["对学生说（可不填）", "Message to students (optional)"],
  countdown: ["倒计时", "Countdown"],
  task: ["领取前的任务", "Task before claiming"],
  task_kind_none: ["无", "None"],
  task_kind_watch: ["看直播", "Watch"],
  task_kind_answer: ["答题", "Answer a question"],
  task_kind_sign_in: ["签到", "Sign in"],
  task_kind_invite: ["邀请新同学", "Invite new students"],
  task_kind_event: ["学校告知的事件", "An event of the school"],
  task_minutes: ["观看分钟数", "Minutes to watch"],
  task_question: ["题目", "Question"],
  task_options: ["选项（每行一个）", "Options, one a line"],
  task_right: ["第几个是正确答案", "Number of the right option"],
  task_count: ["新同学人数", "New students"],
  task_type: ["事件类型", "Type of event"],
  task_hint_watch: [
    "从优惠券出现时开始计时，多台设备只计一次。",
    "Counts from when the coupon appears; several devices count once.",
  ],
  task_hint_answer: [
    "每人两次机会，正确答案不会发给学生。",
    "Two tries each. The right answer is not sent to students.",
  ],
  task_hint_sign_in: ["学生点一下即可。", "Students press a button."],
  task_hint_invite: [
    "每位同学有自己的链接；同一人、同一设备不重复计。",
    "Each student has a link of their own; a person and a device count once.",
  ],
  task_hint_event: [
    "学校在本节课内告知该学生的事件后即可领取。",
    "Done once the school has told this event of the student, while the coupon is open.",
  ],
  no_countdown: ["立即", "None"],
  secs: ["{n} 秒", "{n} s"],
  mins: ["{n} 分钟", "{n} min"],
  costs_at_most: ["最多优惠 {amount}", "Costs {amount} at most"],
  costs_unknown: [
    "按比例打折且未设上限，最多优惠无法预估",
    "A percentage without a cap: the greatest cost cannot be told",
  ],
  cost_sum: ["{n} 张 × {each}", "{n} × {each}"],
  start_now: ["立即发放", "Drop now"],
  prepare: ["先备好", "Prepare"],
  prepared_done: ["已备好，在上方的清单里。", "Prepared. It is in the list above."],
  start: ["发放", "Drop"],
  field_quantity: ["请填 1 到 {max} 之间的整数", "A whole number from 1 to {max}"],
  field_duration: ["请填 1 到 1440 分钟", "From 1 to 1440 minutes"],

  // the press and three seconds to think again
  takeback: ["{n} 秒后发放…", "Dropping in {n}…"],
  takeback_hint: ["{value} × {n}", "{value} × {n}"],
  take_back: ["撤回", "Take back"],
  send_at_once: ["立刻发出", "Send now"],
  taken_back: ["已撤回，没有发出。", "Taken back. Nothing was sent."],

  // what becomes of a press
  press_offline: [
    "你已离线，这次操作没有发出。恢复联网后请再按一次。",
    "You are offline: nothing was sent. Press again when you are back.",
  ],
  press_sending: ["已发出，等待回应… {n} 秒", "Sent. Waiting for the answer… {n} s"],
  press_waits: [
    "连不上服务器，正在重试… {n} 秒",
    "The server cannot be reached. Trying again… {n} s",
  ],
  press_give_up: ["不等了", "Stop waiting"],
  press_looking: ["正在查看结果… {n} 秒", "Looking what became of it… {n} s"],
  press_unknown: [
    "没有收到回应，还不知道是否已生效。连上后会自动查看。",
    "There was no answer, so we do not know yet whether it was done. We look as soon as we can.",
  ],
  press_look: ["查看结果", "Check what became of it"],
  press_done: ["已查明：操作已生效。", "Checked: it was done."],
  press_not_done: [
    "已查明：操作没有生效，需要的话请再按一次。",
    "Checked: it was not done. Press again if you still want it.",
  ],

  // a running drop
  state_scheduled: ["倒计时中", "Counting down"],
  state_open: ["领取中", "Open"],
  state_sold_out: ["已抢完", "All taken"],
  state_drawing: ["抽取中", "Drawing"],
  state_aborted: ["已取消", "Called off"],
  state_closed: ["已结束", "Ended"],
  count_present: ["在线", "Here"],
  count_reached: ["看到", "Seen"],
  count_claimed: ["抢到", "Claimed"],
  count_redeemed: ["已使用", "Used"],
  count_released: ["已放回", "Given back"],
  left_of: ["剩余 {left} / {all}", "{left} of {all} left"],
  opens_in: ["距开抢", "Opens in"],
  closes_in: ["距结束", "Closes in"],
  recording: ["{n} 张正在入账", "{n} still being recorded"],
  books: [
    "共 {all} 张 = 剩余 {free} + 学生持有 {held} + 已使用 {redeemed} + 已退回 {returned}",
    "{all} coupons = {free} left + {held} with students + {redeemed} used + {returned} returned",
  ],
  books_agree: ["，账目相符。", ". The books agree."],
  books_behind: [" + 正在入账 {n}。", " + {n} being recorded."],
  books_differ: [
    "。现场计数与账目相差 {n} 张：已入账的券不受影响，请告知学校运营。",
    ". The live count and the books differ by {n}: recorded coupons are safe, please tell your operations team.",
  ],
  apologised: [
    "{n} 位学生抢到后已无券可发，已向他们致歉。",
    "{n} had won when nothing was left: they were told so, with an apology.",
  ],
  returned: ["已退回批次 {n} 张", "{n} went back to the batch"],
  top_up: ["加量", "Add units"],
  extend: ["延长", "Extend"],
  close: ["结束发放", "End drop"],
  cancel_scheduled: ["取消发放", "Cancel drop"],
  close_ask: [
    "现在结束？还剩 {left} 张，未领取的会退回批次。已领取的不受影响。",
    "End it now? The {left} left go back to the batch. Claimed coupons stay valid.",
  ],
  keep_open: ["继续发放", "Keep it open"],
  look_up: ["查一位学生", "Look up a student"],
  student_id: ["学号 / 学生编号", "Student id"],
  find: ["查询", "Look up"],
  claim_none: ["{student} 还没有领到", "{student} has not claimed"],
  claim_won: ["{student}：{at} 抢到，正在入账", "{student}: claimed at {at}, being recorded"],
  claim_confirmed: ["{student}：{at} 抢到，已入账", "{student}: claimed at {at}, recorded"],
  claim_released: [
    "{student}：{at} 抢到，未及时使用，已释放",
    "{student}: claimed at {at}, not used in time, given back",
  ],
  claim_revoked: ["{student}：{at} 抢到，后被收回", "{student}: claimed at {at}, taken back later"],
  changed_meanwhile: [
    "数字刚刚变了，请看一眼再按。",
    "The figures have just changed: look again, then press.",
  ],
};
