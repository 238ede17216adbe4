// @ts-check
/** The texts of a coupon's proof in the wallet, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const proofMessages = {
  proof_check: ["核对领取名单", "Check the list of claims"],
  proof_check_of: ["在 {count} 人的领取名单中，核对", "In the list of {count}: check it"],
  proof_checking: ["正在核对…", "Checking…"],
  proof_sound: [
    "已在你的浏览器里核对：共 {stock} 份，领取名单 {count} 条，你是第 {n} 条。",
    "Checked in your browser: {stock} units, {count} in the list, and you are number {n}.",
  ],
  proof_given_again: [
    "你的这一份曾被退回，再发给了你。",
    "Your unit came back from somebody before you got it.",
  ],
  proof_came_back: [
    "有 {n} 份曾被退回，其中 {again} 份再次发出。",
    "{n} came back, and {again} of them were given again.",
  ],
  proof_wait: [
    "名单在发券结束后几秒内封存，到时再核对。",
    "The list is sealed some seconds after the drop has closed. Check it then.",
  ],
  proof_wrong: [
    "名单核对不一致（{fault}），请截图告知学校。",
    "The list does not add up ({fault}). Take a picture and tell your school.",
  ],
  proof_not_in: [
    "名单里没有你的这一份，请截图告知学校。",
    "Your coupon is not in the list. Take a picture and tell your school.",
  ],
};
