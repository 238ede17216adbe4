// @ts-check
/** The texts of the list of all coupons that were given. */

/** @type {Record<string, readonly [string, string]>} */
export const givenMessages = {
  given_caption: ["已发出的优惠券", "Coupons that were given"],
  given_student: ["学生", "Student"],
  given_batch_id: ["批次", "Batch"],
  given_campaign_id: ["活动", "Campaign"],
  given_source: ["来源", "Came by"],
  given_from: ["从", "From"],
  given_to: ["到（含）", "To (included)"],
  given_empty: [
    "没有符合的优惠券。学生在课堂领取、通过链接领取，或由学校发放之后，就会出现在这里。",
    "No such coupon. Once a student claims one in class or by a link, or the school gives one, it is here.",
  ],
};
