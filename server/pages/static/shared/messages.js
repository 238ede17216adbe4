// @ts-check
/**
 * The texts of the pages, in Chinese and English. The texts for outcomes, errors and connections
 * are in the SDK's `texts.js`, those of the coupon card in its `element/words.js`.
 */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const messages = {
  // Connection
  live: ["直播中", "Live"],
  waiting: ["正在重连…", "Reconnecting…"],
  one_moment: ["请稍候…", "One moment…"],
  stopped: ["已断开", "Disconnected"],
  offline: ["已离线", "Offline"],
  silent: ["服务器没有应答", "No answer from the server"],
  as_of: ["{at} 时的数字", "Figures as of {at}"],
  as_of_short: ["（{at} 时）", " (as of {at})"],
  offline_student: [
    "你已离线。照常点击领取即可：我们会保留你的点击，恢复联网后自动发出。",
    "You are offline. Tap as usual: we keep your tap and send it when you are back.",
  ],
  offline_teacher: [
    "你已离线。数字停在断开的那一刻；恢复联网之前，按下的操作不会发出。",
    "You are offline. The figures have stopped, and nothing you press is sent until you are back.",
  ],
  silent_student: [
    "服务器没有应答，正在重试。照常点击领取即可，我们会保留你的点击。",
    "The server does not answer; we keep trying. Tap as usual: we keep your tap.",
  ],
  silent_teacher: [
    "服务器没有应答，正在重试。数字停在最后一次应答的时刻。",
    "The server does not answer; we keep trying. The figures have stopped at its last word.",
  ],
  present: ["在线 {n}", "{n} here"],
  no_token: [
    "请从课程页面的链接进入这间教室。",
    "Please enter through the link on your course page.",
  ],
  expired: [
    "登录已过期，请重新登录，或从课程页面重新进入。",
    "Your sign-in has expired. Sign in again, or enter through your course page.",
  ],
  sign_in: ["去登录", "Sign in"],
  not_your_page: [
    "这个页面供{who}使用，而你登录的身份是{role}。",
    "This page is for a {who}, and you are signed in as {role}.",
  ],
  role_student: ["学生", "student"],
  role_instructor: ["老师", "teacher"],
  role_operator: ["运营", "operator"],
  role_finance: ["财务", "finance"],
  role_service: ["系统服务", "a service"],
  role_other: ["其他", "somebody else"],

  // Home, and addresses that lead nowhere
  home_title: ["试一试课堂发券", "Try it: coupons in a live class"],
  home_hint: [
    "每张卡片都会在新标签页打开。先开老师的讲台，再开一位学生的教室，然后按一下发放。",
    "Each card opens in a new tab. Open the teacher's console, then a student's room beside it, and press Drop.",
  ],
  about_title: ["课堂发券", "Coupons in a live class"],
  about_text: [
    "老师在直播课上按一下，优惠券立刻出现在每位学生的屏幕上，先点先得，绝不超发。",
    "A teacher presses one button in a live class; every student sees the coupon at once and claims it with one tap. Never more than there are.",
  ],
  about_sign_in: [
    "请从学校课程页面的链接进入：链接会带你到自己的教室或讲台。",
    "Sign in at your school's course page: its link leads to your room or your console.",
  ],
  link_teacher: ["老师", "Teacher"],
  link_teacher_text: [
    "讲台：备好一次发放，按一下就发。",
    "The console: prepare a drop, send it with one press.",
  ],
  link_student_1: ["学生 1", "Student 1"],
  link_student_1_text: [
    "教室：等优惠券出现，点一下领取。",
    "The room: wait for the coupon, claim it with one tap.",
  ],
  link_student_2: ["学生 2", "Student 2"],
  link_student_2_text: ["同一间教室里的另一位同学。", "A classmate in the same room."],
  link_checkout: ["结算", "Checkout"],
  link_checkout_text: [
    "示例商店：学生 1 用领到的券下单。",
    "The sample shop: student 1 uses what was claimed.",
  ],
  link_operator: ["运营", "Operator"],
  link_operator_text: ["所有人的订单，可退款。", "Everybody's orders, and refunds."],
  lost_title: ["这里没有页面", "There is no page here"],
  lost_text: [
    "地址可能输错了，或链接不完整。请从课程页面的链接重新进入。",
    "The address may be mistyped, or the link cut short. Enter again through the link on your course page.",
  ],
  lost_home: ["回到首页", "To the start page"],

  // Student
  empty_title: ["老师发券时，会出现在这里", "Coupons will appear here"],
  empty_text: [
    "请保持页面打开。优惠券一到，点一下就能领取。",
    "Keep this page open. When your teacher drops a coupon, one tap claims it.",
  ],
  wallet: ["我的优惠券", "My coupons"],
  wallet_empty: ["还没有优惠券。", "No coupons yet."],
  use_now: ["去使用", "Use now"],
  use_by: ["{at} 前使用", "Use by {at}"],
  coupon_locked: ["正用于未付款的订单", "On an unpaid order"],
  coupon_redeemed: ["已使用", "Used"],
  coupon_expired: ["已过期", "Expired"],
  coupon_released: ["未及时使用，已释放", "Not used in time, given back"],
  coupon_revoked: ["已收回", "Taken back"],

  // Console: overview
  live_drops: ["正在进行", "On now"],
  live_empty: ["还没有进行中的发券。", "No drop is running."],
  past_drops: ["已结束", "Ended"],
  ready_drops: ["已备好", "Ready to go"],
  ready_empty: [
    "课前可以先备好，上课时按一下就发。",
    "Prepare drops before class; one press sends them.",
  ],
  new_drop: ["新的发券", "New drop"],

  // Console: who alone may claim
  audience_only: ["仅限：{who}", "Only for: {who}"],
  audience_tag: ["标签 {names}", "tag {names}"],
  audience_tags: ["标签 {names}", "tags {names}"],
  audience_student: ["{n} 位指定学生", "{n} named student"],
  audience_students: ["{n} 位指定学生", "{n} named students"],
  audience_new: ["新账号", "new accounts"],
  audience_or: ["、", ", "],
  audience_and: ["；", "; "],
  sent: ["已发放 ✓", "Dropped ✓"],

  // Console: form
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

  // Console: the press and three seconds to think again
  takeback: ["{n} 秒后发放…", "Dropping in {n}…"],
  takeback_hint: ["{value} × {n}", "{value} × {n}"],
  take_back: ["撤回", "Take back"],
  send_at_once: ["立刻发出", "Send now"],
  taken_back: ["已撤回，没有发出。", "Taken back. Nothing was sent."],

  // Console: what becomes of a press
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

  // Console: a running drop
  state_scheduled: ["倒计时中", "Counting down"],
  state_open: ["领取中", "Open"],
  state_sold_out: ["已抢完", "All taken"],
  state_drawing: ["抽取中", "Drawing"],
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
