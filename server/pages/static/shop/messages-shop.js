// @ts-check
/**
 * The texts of the demo shop, in Chinese and English: those of the checkout, and those that orders
 * share with it. They add to `shared/messages.js`.
 */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const shopMessages = {
  offline_shop: [
    "你已离线。这里显示的是 {at} 时的内容；恢复联网后请再按一次。",
    "You are offline. What you see is as of {at}; press again when you are back.",
  ],

  // Courses and cart
  checkout: ["结算", "Checkout"],
  demo_shop: ["示例商店", "Sample shop"],
  no_shop: [
    "这里没有开设示例商店。请到学校的结算页使用优惠券。",
    "There is no sample shop here. Use your coupon at your school's own checkout.",
  ],
  no_shop_coupon: [
    "这里没有开设示例商店。请到学校的结算页输入券码 {coupon}。",
    "There is no sample shop here. At your school's own checkout, enter the code {coupon}.",
  ],
  courses: ["选购课程", "Courses"],
  add: ["加入", "Add"],
  in_cart: ["再加（{n}）", "More ({n})"],
  add_course: ["加入：{name}", "Add: {name}"],
  add_another: ["再加一份：{name}（已选 {n}）", "One more: {name} ({n} in cart)"],
  list_price_is: ["原价 {price}", "List price {price}"],
  cart: ["课程清单", "Your courses"],
  cart_empty: [
    "清单还是空的。先选一门课程，再看能用哪些优惠券。",
    "Nothing here yet. Choose a course to see which coupons fit.",
  ],
  each: ["{price} / 份", "{price} each"],
  fewer: ["减少：{name}", "Fewer: {name}"],
  more: ["增加：{name}", "More: {name}"],
  quantity_of: ["{name} 的数量", "Quantity of {name}"],
  line_discount: ["分摊减免 {amount}", "Share {amount}"],
  gift_line: ["赠 {name} ×{n}", "Gift: {name} ×{n}"],
  open_order: [
    "你有一笔未付款的订单，它占用着选好的优惠券和余额。",
    "You have an unpaid order that holds its coupons and balance.",
  ],
  open_order_link: ["去付款或取消", "Pay or cancel it"],

  // Coupons
  your_coupons: ["优惠券", "Your coupons"],
  no_coupons: ["没有可用的优惠券。", "You have no coupon for this order."],
  saves: ["省 {amount}", "Saves {amount}"],
  gives_gift: ["送价值 {amount}", "Gift worth {amount}"],
  gives_back: ["返 {amount}", "{amount} back"],
  adds: ["同时用再省 {amount}", "{amount} more on top"],
  adds_nothing: ["同时用不再省", "Nothing more on top"],
  instead: ["会替换已选的券", "Instead of the one chosen"],
  before_discount: ["优惠前 {price}", "{price} before the discount"],
  take_best: ["选最优惠的用法，共省 {amount}", "Take the best: save {amount}"],
  is_best: ["已是最优惠的用法", "This is the best choice"],
  is_best_found: ["已是目前找到的最优惠用法", "The best choice found so far"],
  prompt_now: [
    "再领一张“{name}”，再省 {save}",
    "One more coupon, “{name}”, and you save {save} more",
  ],
  prompt_spend: [
    "再领一张“{name}”并再买 {more}，多省 {save}",
    "Get “{name}”, spend {more} more, and save {save}",
  ],
  prompt_pieces: [
    "再领一张“{name}”并再买 {n} 件、每件至少 {more}，多省 {save}",
    "Get “{name}”, take {n} more of at least {more} each, and save {save}",
  ],
  prompt_get: ["去领取", "Get it"],
  hint_spend: [
    "再买 {more}，用“{name}”多省 {save}",
    "Spend {more} more and save {save} with “{name}”",
  ],
  hint_spend_pieces: [
    "再买 {n} 件、每件至少 {more}，用“{name}”多省 {save}",
    "Take {n} more of at least {more} each and save {save} with “{name}”",
  ],
  hint_pieces: [
    "再选 {n} 件，用“{name}”多省 {save}",
    "Take {n} more and save {save} with “{name}”",
  ],
  swapped: [
    "有的券不能和刚选的这张同时使用，已取消勾选。",
    "What cannot be combined with the one you just chose was unticked.",
  ],
  unusable_count: ["{n} 张暂不可用", "{n} cannot be used here"],
  waits: ["已勾选，能用时自动生效", "Ticked: it applies as soon as it can"],
  see_orders: ["查看那笔订单", "See that order"],
  spend_more: ["再买 {amount} 可用", "Spend {amount} more to use it"],
  take_more: ["再选 {n} 件可用", "Take {n} more to use it"],
  reason_below_threshold: ["未达到使用门槛", "The order is below its minimum"],
  reason_not_yet_valid: ["未到使用时间", "Not valid yet"],
  reason_expired: ["已过期", "Expired"],
  reason_locked: ["正用于另一笔未付款的订单", "On another unpaid order"],
  reason_redeemed: ["已使用", "Already used"],
  reason_released: ["未及时使用，已释放", "Not used in time, given back"],
  reason_revoked: ["已收回", "Taken back"],
  reason_voided: ["已作废", "No longer valid"],
  reason_stopped: ["学校已暂停使用", "Paused by the school"],
  reason_limit_reached: ["这种券的使用次数已满", "You have used this kind as often as you may"],
  reason_out_of_scope: ["不适用于这些课程", "Not for these courses"],
  reason_wrong_currency: ["币种不符", "For another currency"],
  reason_saves_nothing: ["这笔订单用它省不了钱", "It would save nothing here"],
  reason_not_combinable: ["不能与已选的券同时使用", "Cannot be combined with the one chosen"],
  reason_too_many: ["一笔订单最多用 5 张券", "At most 5 coupons on an order"],
  reason_unknown: ["没有找到这张券", "No such coupon"],
  reason_other: ["暂不可用", "Cannot be used here"],
  code_label: ["输入券码", "Have a code?"],
  code_use: ["使用", "Use"],
  code_not_found: [
    "没有找到这个券码，请核对后再输一次。",
    "No such code. Check it and type it again.",
  ],
  code_invalid_field: [
    "这不像一个券码，请核对后再输一次。",
    "That does not look like a code. Check it and type it again.",
  ],
  code_wrong_state: ["这个券码已经用过或已失效。", "This code was used, or is no longer valid."],
  code_rate_limited: ["试得太频繁，请 {n} 秒后再试。", "Too many tries. Wait {n} s and try again."],

  // Total
  summary: ["合计", "Summary"],
  list_total: ["原价", "List price"],
  sale: ["活动价已减", "Sale"],
  balance: ["余额", "Balance"],
  balance_use: ["用余额抵扣", "Pay with your balance"],
  balance_has: ["可用 {has}", "{has} available"],
  balance_takes: ["抵 {used}，还剩 {left}", "{used} used, {left} left"],
  balance_owes: ["欠 {has}，今后的返利先补足它", "{has} owed: coming rebates fill it up first"],
  subtotal: ["小计", "Subtotal"],
  discount: ["优惠券", "Coupons"],
  payable: ["应付", "To pay"],
  total_said: ["应付 {payable}，已优惠 {discount}", "To pay {payable}, {discount} off"],
  pay: ["去付款", "Pay"],
  pay_note: ["示例商店：不会真的扣款。", "Sample shop: no money moves."],
  order_over: [
    "上一笔订单已付款或取消，请再按一次下单。",
    "That order was paid or called off. Press again for a new one.",
  ],
  orders: ["订单", "Orders"],
};
