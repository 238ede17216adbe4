// @ts-check
/**
 * The texts of the coupon card in Chinese and English, and the function that fills in their places.
 *
 * The texts of outcomes and error codes are in `../texts.js`. Pages have their own table and call `fillIn` too.
 */

/** @typedef {"zh"|"en"} Language */

/** @type {Record<string, readonly [zh: string, en: string]>} */
const words = {
  // Value
  off: ["", "off"],
  free: ["免费", "Free"],
  items_free_before: ["满{from}件免", ""],
  items_free: ["{free}", "{free} of {from}"],
  items_free_after: ["件", "free"],
  gift_before: ["赠 ", "Free: "],
  pieces_of: ["{name} × {n}", "{n} × {name}"],
  rebate_before: ["返", ""],
  rebate_after: ["", "back"],
  deducts_shipping: ["运费券", "Off shipping"],
  deducts_tax: ["抵税费", "Off tax"],
  deducts_fee: ["抵手续费", "Off fees"],
  deducts_goods: ["抵课程费", "Off courses"],
  per_line: ["每项分别计算", "Counted for each line"],
  threshold_pieces: ["满{n}件可用", "From {n} courses"],
  cap_back: ["最多返{amount}", "Up to {amount} back"],
  credited_on_payment: ["付款后返还", "Credited after you pay"],
  credited_later: ["付款满 {n} 天后返还", "Credited {n} days after you pay"],
  credited_later_one: ["付款满 {n} 天后返还", "Credited {n} day after you pay"],
  not_on_sale: ["特价课程不可用", "Not on sale prices"],
  except_some: ["部分课程除外", "Some courses excepted"],
  threshold: ["满{amount}可用", "Orders from {amount}"],
  no_threshold: ["无门槛", "No minimum"],
  cap: ["最多减{amount}", "Up to {amount} off"],
  every_course: ["全部课程可用", "For every course"],
  these_courses: ["限 {names}", "For {names}"],
  some_courses: ["限 {names} 等 {n} 门课", "For {names} and more, {n} in all"],
  valid_until: ["{until} 前可用", "Use by {until}"],
  valid_between: ["{from} 至 {until} 可用", "Usable {from} to {until}"],
  valid_after_claim: ["领取后 {span}内可用", "Use within {span} of claiming"],
  days: ["{n} 天", "{n} days"],
  days_one: ["{n} 天", "{n} day"],
  hours: ["{n} 小时", "{n} hours"],
  hours_one: ["{n} 小时", "{n} hour"],
  minutes: ["{n} 分钟", "{n} minutes"],
  minutes_one: ["{n} 分钟", "{n} minute"],
  seconds: ["{n} 秒", "{n} seconds"],
  seconds_one: ["{n} 秒", "{n} second"],

  // Card
  coupon: ["优惠券", "Coupon"],
  rehearsal: [
    "彩排：只有你们几位测试学员看得到，券不能使用",
    "Rehearsal: only testers see it, and its coupon cannot be used",
  ],
  winners_shown: ["领到后隐名公布，如 王*", "Winners are shown masked, as A***"],
  from_teacher: ["老师说", "Your teacher"],
  opens_in: ["距开抢", "Opens in"],
  closes_on: ["截止", "Until"],
  closes_in: ["距结束", "Closes in"],
  open_end: ["领完或老师结束为止", "Until all are gone, or it is closed"],
  remaining: ["剩余 {n} 张", "{n} left"],
  claim: ["立即领取", "Claim"],
  opens_soon: ["即将开抢", "Opening soon"],
  claiming: ["领取中…", "Claiming…"],
  trying: ["还在为你领取…", "Still trying…"],
  tap_kept: ["等待网络…", "Waiting for the network…"],
  kept_offline: [
    "你已离线，这次点击已为你保留，恢复联网后自动发出，不用再点。",
    "You are offline. We keep your tap and send it when you are back: no need to tap again.",
  ],
  kept_cut: [
    "连不上服务器，这次点击已为你保留，连上后自动发出，不用再点。",
    "The server does not answer. We keep your tap and send it when it does: no need to tap again.",
  ],
  as_of: ["（{at} 时）", "(as of {at})"],
  try_again: ["再试一次", "Try again"],
  won: ["抢到了！", "You got it!"],
  saving: ["正在保存…", "Saving…"],
  stored: ["已存入券包，", "It is in your wallet. "],
  not_stored: ["彩排的券不会进入券包。", "A rehearsal's coupon is in no wallet."],
  use_by: ["{at} 前使用", "Use it by {at}."],
  code: ["券码", "Code"],
  copy: ["复制", "Copy"],
  copied: ["已复制", "Copied"],
  copy_by_hand: ["请长按券码复制", "Select the code to copy it"],
  use_now: ["立即使用", "Use now"],
  opens_new_tab: ["（在新标签页打开）", " (opens in a new tab)"],
  drawing: ["正在抽取，请稍候…", "Drawing. One moment…"],
  enter: ["参加抽取", "Enter the draw"],
  to_draw: ["将抽出 {n} 张", "{n} to be drawn"],
  entry_kept: ["你的凭证已保存：第 {n} 个参加。", "Your receipt is kept: you are number {n}."],
  draw_sealed: ["共 {n} 人参加，名单已封存。", "{n} are in, and the list is sealed."],
  draw_done: ["共 {n} 人参加，抽出 {winners} 人。", "{winners} drawn out of {n}."],
  not_drawn: ["这次没有抽中", "Not drawn this time"],
  aborted: ["抽取已取消", "The draw was called off"],
  aborted_note: ["老师取消了这次抽取，没有人中签。", "The teacher called it off. Nobody wins."],
  too_late: ["来晚一步", "Just missed it"],
  came_back: ["又有券放出来了", "Some came back"],
  be_quick: ["刚刚又可以领了，点一下试试。", "Units can be claimed again: tap to try."],
  mine_again: ["又可以使用了", "Yours to use again"],
  coupon_locked: ["订单待付款", "In an order"],
  coupon_redeemed: ["已使用", "Used"],
  coupon_expired: ["已过期", "Expired"],
  coupon_voided: ["已失效", "No longer valid"],
  task_watch: ["看满 {n} 分钟直播，即可领取", "Watch {n} minutes, then claim"],
  task_watch_one: ["看满 {n} 分钟直播，即可领取", "Watch {n} minute, then claim"],
  task_sign_in: ["签到后即可领取", "Sign in, then claim"],
  task_sign_in_now: ["签到", "Sign in"],
  task_invite: ["邀请 {n} 位新同学，即可领取", "Invite {n} new students, then claim"],
  task_invite_one: ["邀请 {n} 位新同学，即可领取", "Invite {n} new student, then claim"],
  task_invite_how: [
    "新同学打开你的链接并登录，才算一位",
    "It counts when a new student opens your link and signs in",
  ],
  task_invite_now: ["获取我的邀请链接", "Get my link"],
  copy_link: ["复制链接", "Copy the link"],
  link_copied: ["已复制，发给同学吧", "Copied: send it to somebody"],
  copy_link_by_hand: ["请长按链接复制", "Select the link to copy it"],
  share_link: ["分享", "Share"],
  task_event: ["完成老师布置的任务，即可领取", "Do what your teacher asks, then claim"],
  task_here: [
    "只计本节课里、这张券出现之后的部分",
    "Only this class counts, from when this coupon appeared",
  ],
  task_tries: ["答对即可领取，还可以答 {n} 次", "Answer right, then claim. Tries left: {n}"],
  task_no_tries: [
    "两次都没答对，这张券领不了了",
    "Both tries were wrong: this coupon is not for you",
  ],
  task_done: ["任务完成，快来领取", "Done: claim it now"],
  task_ring: ["已完成 {done}/{n}", "{done} of {n} done"],
  held_for: ["为你保留", "Held for you"],
  dismiss: ["收起优惠券", "Put the coupon aside"],
  bring_back: ["展开优惠券：{value}", "Show the coupon: {value}"],
  details: ["使用说明", "Details"],
  claimable_now: ["现在可以领取：{value}", "You can claim it now: {value}."],
  cards: ["课堂优惠券", "Coupons in this class"],
  arrived: ["新优惠券：{value}，{name}", "New coupon: {value}, {name}"],
};

/**
 * @param {Language} language
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 */
export function say(language, key, values) {
  return fillIn(words, language, key, values);
}

/**
 * @param {Record<string, readonly [string, string]>} table
 * @param {Language} language
 * @param {string} key
 * @param {Record<string, string|number>} [values] for `{name}` in the text
 */
export function fillIn(table, language, key, values = {}) {
  const pair = (values.n === 1 && table[`${key}_one`]) || table[key];
  if (!pair) throw new Error(`no words for ${key}`);
  const text = language === "zh" ? pair[0] : pair[1];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * Return the first of the wanted languages that we have; English where we have none.
 * @param {readonly string[]} wanted BCP 47 tags, best first
 * @returns {Language}
 */
export function spoken(wanted) {
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return "zh";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}
