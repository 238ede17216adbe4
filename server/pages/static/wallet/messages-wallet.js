// @ts-check
/** The texts of the wallet's page, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const walletMessages = {
  filter: ["按状态查看", "Show"],
  filter_usable: ["可使用", "To use"],
  filter_redeemed: ["已使用", "Used"],
  filter_expired: ["已过期", "Expired"],
  filter_all: ["全部", "All"],
  none_usable: [
    "现在没有可以使用的优惠券。在直播课上领取的券，或输入券码得到的券，都会出现在这里。",
    "No coupon to use right now. What you claim in a live class, or get with a code, appears here.",
  ],
  none_redeemed: ["还没有用过的优惠券。", "You have not used a coupon yet."],
  none_expired: ["没有过期的优惠券。", "No coupon has expired."],
  none_all: ["还没有优惠券。", "No coupons yet."],
  code_take: ["放入卡包", "Add"],
  code_taken: ["已放入：{name}", "Added: {name}"],
  pending_n: [
    "有 {n} 张券已抢到，正在确认，几秒后会出现。",
    "{n} more won and being confirmed: here within seconds.",
  ],
  more: ["更多", "More"],
  from_at: ["{at} 起可用", "Can be used from {at}"],
  details: ["出示二维码", "Show the QR code"],
  qr_of: ["券码 {code} 的二维码", "QR code of {code}"],
  qr_hint: ["在柜台出示即可。", "Show it at the counter."],
  qr_missing: ["二维码暂时取不到。", "The QR code cannot be fetched right now."],
  calendar: ["把到期时间加入日历", "Add the last day to a calendar"],
  calendar_title: ["优惠券到期：{name}", "Coupon ends: {name}"],
  fits: ["现在的课程清单可以用", "Works with the courses you have picked"],
  account: ["余额", "Balance"],
  account_title: ["余额明细", "What changed it"],
  entry_rebate: ["返利", "Rebate"],
  entry_spent: ["下单抵扣", "Spent on an order"],
  entry_given_back: ["退回", "Given back"],
  entry_taken_back: ["收回返利", "Rebate taken back"],
  entry_merged: ["账户合并", "Accounts merged"],
};
