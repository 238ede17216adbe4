// @ts-check
/** The texts of the claim page, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const linkMessages = {
  link_paused: ["领取暂停中，请稍后再来。", "Claiming is paused. Please come back later."],
  link_exhausted: [
    "券已领完。如有退回，这里会重新开放。",
    "All coupons are taken. If one comes back, you can claim it here.",
  ],
  link_ended_ended: ["这个链接的领取时间已结束。", "The time to claim by this link is over."],
  link_ended_sold_out: [
    "券已全部领完，这个链接已结束。",
    "All coupons are taken, and this link has ended.",
  ],
  link_ended_stopped: ["学校已结束这个链接的领取。", "The school has ended this link."],
  link_missing: ["没有这个链接。", "There is no such link."],
  ticket_title: ["课堂优惠券", "Coupon of your class"],
  ticket_exhausted: [
    "券已领完。如有退回，这里会重新开放。",
    "All coupons are taken. If one comes back, you can claim it here.",
  ],
  ticket_ended: ["这次发券已结束。", "This drop has ended."],
  ticket_expired: [
    "屏幕上的二维码已更换，请对着屏幕再扫一次。",
    "The code on the screen has changed. Please scan the screen once more.",
  ],
  ticket_missing: [
    "这个二维码不对，请重新扫描屏幕上的二维码。",
    "This code is not right. Please scan the one on the screen again.",
  ],
  link_sign_in_first: ["领取时需要先登录。", "You will be asked to sign in when you claim."],
  link_no_sign_in: [
    "请先登录学校的课程网站，再从那里打开这个链接。",
    "Please sign in on your school's site, and open this link from there.",
  ],
  link_in_wallet: [
    "券已放入你的券包，请在有效期内使用。",
    "The coupon is in your wallet. Use it in time.",
  ],
};
