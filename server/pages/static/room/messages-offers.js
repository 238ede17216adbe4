// @ts-check
/** The texts of a student's offers. Used by the student's page, beside `../shared/messages.js`. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const offerMessages = {
  offers: ["只给你的优惠", "Only for you"],
  offer_said: ["老师说：{text}", "Your teacher: {text}"],
  offer_for: ["适用课程：{course}", "For {course}"],
  offer_left: ["为你保留 {left}", "Kept for you for {left}"],
  offer_until: ["为你保留到 {at}", "Kept for you until {at}"],
  offer_accept: ["收下", "Accept"],
  offer_accept_it: ["收下优惠券：{value}", "Accept the coupon: {value}"],
  offer_decline: ["不需要", "No, thanks"],
  offer_decline_it: ["不需要：{value}", "No, thanks: {value}"],
  offer_arrived: ["老师给了你一张专属优惠券：{value}", "A coupon only for you: {value}"],
  offer_accepted: ["已收下，就在你的券包里。", "Yours: it is in your wallet."],
  offer_declined: ["好的，这张券已退回。", "All right: the coupon has gone back."],
  offer_withdrawn: ["老师收回了这张优惠券。", "Your teacher has withdrawn the coupon."],
  offer_expired: ["保留时间已到，这张券已退回。", "Its time is over: the coupon has gone back."],
};
