// @ts-check
/** The texts of the office's page of today. */

/** @type {Record<string, readonly [string, string]>} */
export const messagesToday = {
  today_alerts: ["需要处理", "To look at"],
  today_no_alerts: [
    "一切正常。预算、库存、回调、发放或账目出现问题时，会在这里列出并附上处理按钮。",
    "All is well. A budget, stock, webhook, send or difference that needs you stands here with its button.",
  ],
  today_more_alerts: ["还有更多，处理后会继续列出。", "There are more; they follow as these end."],
  today_sums: ["今日（净值）", "Today (net)"],
  today_no_sums: ["今天还没有数据。", "There are no figures today yet."],
  today_rooms: ["今日各直播间领取", "Claimed today, by room"],
  today_room: ["直播间", "Room"],
  today_issued: ["发放", "Issued"],
  today_claimed: ["领取", "Claimed"],
  today_used: ["使用", "Used"],
  today_gmv: ["成交额", "Paid with coupons"],
  today_cost: ["优惠成本", "Cost"],
  alert_money_used: [
    "活动“{name}”的预算已用 {level}%",
    "Campaign “{name}” has used {level} % of its money",
  ],
  alert_pieces_used: [
    "活动“{name}”的张数已用 {level}%",
    "Campaign “{name}” has used {level} % of its pieces",
  ],
  alert_batch_low: ["批次“{name}”库存不足", "Batch “{name}” is nearly empty"],
  alert_batch_paused: ["批次“{name}”已自动暂停", "Batch “{name}” paused itself"],
  alert_webhook_down: ["回调 {name} 失败", "The webhook {name} fails"],
  alert_issuance_stuck: ["发放“{name}”停滞不前", "The send “{name}” does not go on"],
  alert_books_differ: ["领取台与账本不一致", "Desk and ledger differ"],
  alert_coupons_unused: [
    "批次“{name}”即将到期的券超过 {level}% 未使用",
    "More than {level} % of the coupons of “{name}” that end soon are not used",
  ],
  alert_split_off: ["实验“{name}”的分组比例异常", "The split of the experiment “{name}” is off"],
  alert_unused: ["{left} / {amount} 张未使用", "{left} of {amount} not used"],
  alert_left: ["剩余 {left} / {amount}", "{left} of {amount} left"],
  alert_findings: ["{amount} 项发现", "{amount} findings"],
  alert_since: ["自 {time}", "since {time}"],
  alert_amount_raise_budget: ["增加多少", "Raise by"],
  alert_amount_top_up: ["增加张数", "Units to add"],
  alert_act_raise_budget: ["增加预算", "Raise the budget"],
  alert_act_top_up: ["补充库存", "Top up"],
  alert_act_resume: ["恢复", "Resume"],
  alert_act_enable: ["重新启用", "Enable"],
  alert_act_stop: ["停止发放", "Stop the send"],
  alert_act_repair: ["修复", "Repair"],
  alert_act_remind: ["提醒学生", "Remind the students"],
  alert_act_end: ["结束实验", "End the experiment"],
  alert_act_dismiss: ["忽略", "Dismiss"],
};
