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
  silent: ["没有应答", "No answer"],
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
  role_support: ["客服", "support"],
  role_screen: ["教室大屏", "screen"],
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
  inbox: ["消息", "Messages"],
  put_away: ["知道了", "Got it"],
  open_link: ["去看看", "Open"],
  wallet: ["我的优惠券", "My coupons"],
  wallet_empty: ["还没有优惠券。", "No coupons yet."],
  wallet_all: ["打开卡包", "Open the wallet"],
  use_now: ["去使用", "Use now"],
  use_by: ["{at} 前使用", "Use by {at}"],
  coupon_locked: ["正用于未付款的订单", "On an unpaid order"],
  coupon_redeemed: ["已使用", "Used"],
  coupon_expired: ["已过期", "Expired"],
  coupon_released: ["未及时使用，已释放", "Not used in time, given back"],
  coupon_revoked: ["已收回", "Taken back"],
};
