// @ts-check
/** The texts of the office's page of consistency; `finding_…` is one sentence for each kind of fault. */

/** @type {Record<string, readonly [string, string]>} */
export const consistencyMessages = {
  consistency_hint: [
    "把抢券台（Redis）和账本（数据库）逐项核对：每张券、每个批次的数量、每笔预算、每张对账单。检查不改动任何数据，上课时也可以运行。",
    "Compares desk (Redis) and ledger (database), item by item: each coupon, the counts of each batch, each budget, each statement. A look changes nothing and may run during classes.",
  ],
  consistency_none: [
    "还没有检查过。检查后，这里会列出例如：「批次的数量对不上 · 可以自动修复」。",
    "Nothing has been looked at yet. Afterwards faults stand here, such as: “The counts of a batch do not add up · can be repaired”.",
  ],
  consistency_look: ["现在检查", "Look now"],
  consistency_repair: ["检查并修复", "Look and repair"],
  consistency_repair_ask: [
    "修复能修复的问题？不会有任何人因此失去什么；需要人来决定的，只列出，不改动。",
    "Repair what can be repaired? Nobody loses anything by it; what a person has to decide is listed and left as it is.",
  ],
  consistency_running: ["正在检查…", "Looking…"],
  consistency_queued: ["等待工作进程…", "Waiting for a worker…"],
  consistency_failed: ["上一次没有完成：{error}", "The last one was not finished: {error}"],
  consistency_well: [
    "一切正常：抢券台和账本一致，账也对得上。",
    "All is well: desk and ledger agree, and the books add up.",
  ],
  consistency_wrong: ["发现 {n} 个问题", "{n} things are wrong"],
  consistency_wrong_one: ["发现 {n} 个问题", "{n} thing is wrong"],
  consistency_done_at: ["检查时间", "Looked at"],
  consistency_asked_by: ["由谁发起", "Asked for by"],
  consistency_kind: ["方式", "What was done"],
  consistency_kind_check: ["只检查", "a look"],
  consistency_kind_repair: ["检查并修复", "a look and a repair"],
  consistency_reason: ["原因", "Reason"],
  consistency_size: ["核对范围", "What was compared"],
  consistency_size_text: [
    "{drops} 次发券（{open} 次进行中），{batches} 个批次",
    "{drops} drops ({open} open) of {batches} batches",
  ],
  consistency_findings: ["问题", "Faults"],
  consistency_repairs: ["做了哪些修复", "What was repaired"],
  consistency_not_done: ["未完成", "not done"],
  consistency_is_done: ["已完成", "done"],
  consistency_more: ["同类还有 {n} 个", "and {n} more of this kind"],
  consistency_todo: ["怎么办：", "What to do: "],
  finding_about_drop: ["发券", "drop"],
  finding_about_room: ["教室", "room"],
  finding_about_batch: ["批次", "batch"],
  finding_about_campaign: ["活动", "campaign"],
  finding_about_issuance: ["发放", "send"],
  finding_about_trigger: ["自动触发", "trigger"],
  finding_about_lottery: ["抽奖", "lottery"],
  finding_about_student: ["学生", "student"],
  finding_about_claim: ["领取", "claim"],
  finding_about_coupon: ["优惠券", "coupon"],
  finding_about_order: ["订单", "order"],
  finding_about_day: ["日期", "day"],
  consistency_can: ["可以自动修复", "Can be repaired"],
  consistency_person: ["需要人来决定", "A person has to decide"],
  finding_weak_redis: ["Redis 的设置可能会丢数据", "Redis is set so that it may lose data"],
  finding_fence_shut: [
    "抢券台的一部分关着，这部分现在不能抢券",
    "A part of the desk is shut: no claims there",
  ],
  finding_outbox_waits: [
    "有抢到的券等了太久还没有记账",
    "Claims that were won wait for the ledger too long",
  ],
  finding_intent_left_behind: [
    "有一次发券的改动还没有通知抢券台",
    "The desk was not told of a change of a drop",
  ],
  finding_dead_letter: ["账本没有接受一张抢到的券", "The ledger did not take a claim that was won"],
  finding_unrecorded_win: [
    "有学生抢到了券，账本里却没有",
    "A student has won, and the ledger does not know it",
  ],
  finding_unknown_holder: [
    "抢券台上有一张券，账本里没有对应的学生",
    "The desk has a holder whom the ledger does not know",
  ],
  finding_forgotten_claim: [
    "账本里有一张券，抢券台上没有",
    "The ledger has a claim that the desk has forgotten",
  ],
  finding_never_confirmed: [
    "账本里有了，学生却没有收到确认",
    "A claim is in the ledger, and its student was not told",
  ],
  finding_held_though_gone: [
    "券已经不在了，抢券台还占着这一份",
    "The desk keeps a unit whose claim is gone",
  ],
  finding_another_unit: [
    "抢券台和账本对同一张券的编号说法不一",
    "Desk and ledger name different units of one claim",
  ],
  finding_slot_not_counted: [
    "有一张券没有计入学生的领取次数",
    "A claim is not counted against its student's limit",
  ],
  finding_holder_not_counted: [
    "有一张券没有计入本人或设备的领取次数",
    "A claim is not counted against its person or device",
  ],
  finding_desk_differs: [
    "一次发券在抢券台和账本里不一样",
    "A drop differs between desk and ledger",
  ],
  finding_unknown_drop: [
    "抢券台上有一次账本不认识的发券",
    "The desk has a drop that the ledger does not know",
  ],
  finding_books_do_not_add_up: ["一次发券的数量对不上", "The counts of a drop do not add up"],
  finding_claims_beyond_stock: ["领取的比库存还多", "There are more claims than units"],
  finding_claim_without_coupon: ["领到了，却没有生成券", "A claim has no coupon"],
  finding_coupon_without_claim: ["有一张券没有领取记录", "A coupon has no claim"],
  finding_batch_counter: ["批次的数量对不上", "The counts of a batch do not add up"],
  finding_budget_differs: ["活动预算和实际发放对不上", "A budget differs from what went out"],
  finding_erased_student_back: ["已删除资料的学生又出现了", "A student who was erased is back"],
  finding_erasures_untold: [
    "有些删除记录无法核对（密钥不在列表里）",
    "Some erasures cannot be checked: their secret is missing",
  ],
  finding_issuance_differs: [
    "一次直接发放的结果对不上",
    "The outcomes of an issuance do not add up",
  ],
  finding_trigger_differs: ["一个自动触发的次数对不上", "The count of a trigger does not add up"],
  finding_lottery_differs: ["一个抽奖的记录对不上", "The records of a lottery do not add up"],
  finding_statement_differs: ["对账单和订单对不上", "A statement differs from its orders"],
  finding_seal_differs: ["一次发券的封存记录对不上", "The seal of a drop does not hold"],
  finding_events_unnumbered: [
    "有事件一直没有编号，Webhook 收不到",
    "Events have no number for long; webhooks wait",
  ],
  finding_events_missing: ["事件编号有缺口", "Numbers of events are missing"],
  finding_reader_ahead: [
    "有一个读取者的位置超过了最新事件",
    "A reader of events is ahead of the newest",
  ],
};
