// @ts-check
/** An act in words: the thing, and what was done to it. Pure. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
const THINGS = {
  alert: ["提醒", "alert"],
  all: ["全部优惠券", "everything"],
  approval: ["审批", "approval"],
  audience: ["人群", "audience"],
  batch: ["批次", "batch"],
  block: ["屏蔽", "block"],
  budget: ["预算", "budget"],
  campaign: ["活动", "campaign"],
  class: ["课堂", "class"],
  coupon: ["优惠券", "coupon"],
  codes: ["券码", "codes"],
  consistency: ["对数检查", "consistency"],
  draw: ["开奖", "draw"],
  drop: ["发券", "drop"],
  experiment: ["实验", "experiment"],
  import: ["导入", "import"],
  instructor: ["老师", "instructor"],
  issuance: ["直接发放", "issuance"],
  link: ["链接", "link"],
  lottery: ["抽奖", "lottery"],
  offer: ["专属券", "offer"],
  order: ["订单", "order"],
  pack: ["券包", "pack"],
  price_rule: ["价格规则", "price rule"],
  running_order: ["课堂流程", "running order"],
  student: ["学生", "student"],
  template: ["券模板", "template"],
  tokens: ["登录凭证", "tokens"],
  trigger: ["自动触发", "trigger"],
  webhook: ["Webhook", "webhook"],
};

/** @type {Record<string, readonly [zh: string, en: string]>} */
const DONE = {
  aborted: ["已中止", "aborted"],
  acted: ["已处理", "acted on"],
  activated: ["已启用", "activated"],
  asked: ["已申请", "asked for"],
  changed: ["已修改", "changed"],
  closed: ["已关闭", "closed"],
  disabled: ["已停用", "disabled"],
  dismissed: ["已忽略", "dismissed"],
  edited: ["已编辑", "edited"],
  ended: ["已结束", "ended"],
  erased: ["已删除资料", "erased"],
  exported: ["已导出", "exported"],
  extended: ["已延长", "extended"],
  fired: ["已自动开始", "opened by its cue"],
  given: ["已同意", "given"],
  held: ["已暂停", "held"],
  made: ["已创建", "made"],
  merged: ["已合并", "merged"],
  opened: ["已开始", "opened"],
  overridden: ["已破例", "overridden"],
  paused: ["已暂停", "paused"],
  raised: ["已增加", "raised"],
  refunded: ["已退款", "refunded"],
  removed: ["已删除", "removed"],
  refused: ["已拒绝", "refused"],
  reopened: ["已重新开始", "opened again"],
  repaired: ["已要求修复", "repair asked for"],
  replaced: ["已换新版", "replaced"],
  replayed: ["已重发", "sent again"],
  resumed: ["已恢复", "resumed"],
  revoked: ["已作废", "revoked"],
  rotated: ["已换密钥", "given a new secret"],
  started: ["已开始", "started"],
  stopped: ["已停止", "stopped"],
  topped_up: ["已加量", "topped up"],
  undone: ["已撤回", "undone"],
  voided: ["已作废", "voided"],
  withdrawn: ["已收回", "withdrawn"],
  expired: ["已过期", "expired"],
  written: ["已写入", "written"],
};

/** @typedef {"zh"|"en"} Chosen */

/** Return such as "batch: stopped"; a name that is not known here as it is. @param {string} action @param {Chosen} language */
export function actText(action, language) {
  const [thing, done = ""] = action.split(".");
  const place = language === "zh" ? 0 : 1;
  const words = [THINGS[thing]?.[place] ?? thing, DONE[done]?.[place] ?? done];
  return words.join(language === "zh" ? "：" : ": ");
}

/** Return the things on which acts are done, for a filter. @param {Chosen} language @returns {[string, string][]} */
export const actThings = (language) =>
  Object.entries(THINGS).map(([name, words]) => [name, words[language === "zh" ? 0 : 1]]);

/** @type {Record<string, string>} the page of the office for an id that begins so */
const PAGES = {
  apv: "approvals",
  aud: "audiences",
  bat: "coupons",
  cmp: "campaigns",
  exp: "experiments",
  iss: "sends",
  lot: "lotteries",
  pck: "packs",
  prl: "price-rules",
  tpl: "coupons",
  trg: "triggers",
  whk: "webhooks",
};

/** Return the page on which the thing with this id is shown, or null. @param {string} id @param {ReadonlySet<string>} there the names of the pages that there are */
export function pageOfId(id, there) {
  const page = PAGES[id.split("_")[0]];
  return page && there.has(page) ? page : null;
}
