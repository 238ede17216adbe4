// @ts-check
/**
 * The office's pages, in the order of the navigation. A page is a row here and a module, which is loaded when
 * the page is opened. Its module exports `open(host, view)`, which returns (a promise of) the page's node;
 * `view` is `{page, id, filters}` of the address (`address.js`), `host` is described in `host.js`.
 * `open` is called again when the address or the language changes.
 */

/** @import { Host, OfficeView } from "./shared/host.js" */

/**
 * `roles`: those that see the page; the server decides what they may do. `title` in Chinese and in English.
 *
 * @typedef {object} OfficePage
 * @property {string} name the first part of the address: `#/name/id?filter=value`
 * @property {"live"|"promotions"|"money"|"people"|"system"} group
 * @property {readonly string[]} roles
 * @property {readonly [zh: string, en: string]} title
 * @property {() => Promise<{open: (host: Host, view: OfficeView) => Node|Promise<Node>}>} load
 */

const READERS = ["operator", "finance"];
const DESK = [...READERS, "support"];

/** @type {readonly OfficePage[]} */
export const officePages = [
  {
    name: "today",
    group: "live",
    roles: READERS,
    title: ["今日", "Today"],
    load: () => import("./today/today-page.js"),
  },
  {
    name: "coupons",
    group: "promotions",
    roles: READERS,
    title: ["优惠券", "Coupons"],
    load: () => import("./coupons/coupons-page.js"),
  },
  {
    name: "given",
    group: "promotions",
    roles: READERS,
    title: ["已发优惠券", "Given coupons"],
    load: () => import("./students/given-page.js"),
  },
  {
    name: "campaigns",
    group: "promotions",
    roles: READERS,
    title: ["活动", "Campaigns"],
    load: () => import("./promotions/campaigns-page.js"),
  },
  {
    name: "price-rules",
    group: "promotions",
    roles: READERS,
    title: ["价格规则", "Price rules"],
    load: () => import("./promotions/price-rules-page.js"),
  },
  {
    name: "approvals",
    group: "promotions",
    roles: READERS,
    title: ["审批", "Approvals"],
    load: () => import("./promotions/approvals-page.js"),
  },
  {
    name: "experiments",
    group: "promotions",
    roles: READERS,
    title: ["实验", "Experiments"],
    load: () => import("./promotions/experiments-page.js"),
  },
  {
    name: "audiences",
    group: "people",
    roles: READERS,
    title: ["人群", "Audiences"],
    load: () => import("./audiences/audiences-page.js"),
  },
  {
    name: "sends",
    group: "people",
    roles: READERS,
    title: ["发放", "Sends"],
    load: () => import("./sends/sends-page.js"),
  },
  {
    name: "reports",
    group: "money",
    roles: READERS,
    title: ["报表", "Reports"],
    load: () => import("./reports/reports-page.js"),
  },
  {
    name: "statements",
    group: "money",
    roles: READERS,
    title: ["对账单", "Statements"],
    load: () => import("./statements/statements-page.js"),
  },
  {
    name: "students",
    group: "people",
    roles: DESK,
    title: ["学生", "Students"],
    load: () => import("./students/students-page.js"),
  },
  {
    name: "find",
    group: "people",
    roles: DESK,
    title: ["查找", "Find"],
    load: () => import("./students/find-page.js"),
  },
  {
    name: "orders",
    group: "money",
    roles: DESK,
    title: ["订单与退款", "Orders and refunds"],
    load: () => import("./orders/orders-page.js"),
  },
  {
    name: "stop",
    group: "live",
    roles: READERS,
    title: ["紧急停止", "Red switch"],
    load: () => import("./system/stop-page.js"),
  },
  {
    name: "triggers",
    group: "promotions",
    roles: READERS,
    title: ["自动触发", "Triggers"],
    load: () => import("./automatic/triggers-page.js"),
  },
  {
    name: "packs",
    group: "promotions",
    roles: READERS,
    title: ["券包", "Packs"],
    load: () => import("./automatic/packs-page.js"),
  },
  {
    name: "lotteries",
    group: "promotions",
    roles: READERS,
    title: ["抽奖", "Lotteries"],
    load: () => import("./automatic/lotteries-page.js"),
  },
  {
    name: "webhooks",
    group: "system",
    roles: READERS,
    title: ["Webhook", "Webhooks"],
    load: () => import("./system/webhooks-page.js"),
  },
  {
    name: "acts",
    group: "system",
    roles: READERS,
    title: ["操作日志", "Acts"],
    load: () => import("./system/acts-page.js"),
  },
  {
    name: "consistency",
    group: "system",
    roles: READERS,
    title: ["对数检查", "Consistency"],
    load: () => import("./system/consistency-page.js"),
  },
];

/** @param {string} role @returns {readonly OfficePage[]} the pages that the role sees */
export const pagesOf = (role) => officePages.filter((page) => page.roles.includes(role));
