// @ts-check
/**
 * The texts of the faults of desk and ledger: for each kind one sentence of what is wrong, `finding_…`, and one of
 * what mends it, `finding_todo_…`.
 */

/** @typedef {readonly [string, string]} Pair */

/** @type {Pair} */
const REBUILD = [
  "点「检查并修复」：按账本重建这部分抢券台，其间抢券要稍等片刻。",
  "“Look and repair” builds this part of the desk anew from the ledger; claims wait a moment meanwhile.",
];
/** @type {Pair} */
const RECORD = [
  "点「检查并修复」：记入账本，用原来抢到的那一份，或另一份空闲的。",
  "“Look and repair” records it: on the unit it was won on, or another free one.",
];
/** @type {Pair} */
const PERSON = [
  "需要人来决定；修复不会改动它。",
  "A person has to decide; a repair changes nothing of it.",
];
/** @type {Pair} */
const WORKER = ["启动一个工作进程（worker）。", "Start a worker."];

/** @type {Record<string, Pair>} */
export const findingMessages = {
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
  finding_todo_weak_redis: [
    "按 README 设置 Redis，或用 CLASSDROP_ACCEPT_WEAK_REDIS=1 接受这个风险。",
    "Set Redis as the README says, or accept it by CLASSDROP_ACCEPT_WEAK_REDIS=1.",
  ],
  finding_todo_fence_shut: [
    "工作进程会自动处理；没有工作进程时，点「检查并修复」。",
    "A worker mends it by itself; without one, “Look and repair” does.",
  ],
  finding_todo_outbox_waits: [
    "启动一个工作进程，或查明为什么记不了账；其间什么都不会丢。",
    "Start a worker, or look why none reaches the ledger; nothing is lost meanwhile.",
  ],
  finding_todo_intent_left_behind: [
    "点「检查并修复」会通知抢券台；或启动一个工作进程。",
    "“Look and repair” tells the desk; or start a worker.",
  ],
  finding_todo_dead_letter: [
    "原因消除后，点「检查并修复」会记入账本，在那之前这一份一直留着。没有余量时，先给这次发券（或批次）加量，再修复。",
    "“Look and repair” records it where its cause has gone; it keeps its unit until then. Where no unit is left, top up the drop (or the batch) first.",
  ],
  finding_todo_unrecorded_win: RECORD,
  finding_todo_unknown_holder: RECORD,
  finding_todo_forgotten_claim: REBUILD,
  finding_todo_never_confirmed: REBUILD,
  finding_todo_held_though_gone: REBUILD,
  finding_todo_another_unit: REBUILD,
  finding_todo_slot_not_counted: REBUILD,
  finding_todo_holder_not_counted: REBUILD,
  finding_todo_desk_differs: REBUILD,
  finding_todo_unknown_drop: PERSON,
  finding_todo_books_do_not_add_up: [
    "点「检查并修复」：补上缺少的券，把多出的份数退回批次；还不对时，看这次发券的其他问题。",
    "“Look and repair” makes missing coupons and gives units back to the batch; else see the other faults of this drop.",
  ],
  finding_todo_claims_beyond_stock: [
    "点「检查并修复」：已结束的发券，会从批次补上缺的份数（批次还有的话）；没有人会失去券。",
    "“Look and repair” takes the missing units of a closed drop from its batch again, where it has them; nobody loses a coupon.",
  ],
  finding_todo_claim_without_coupon: [
    "缺券的，点「检查并修复」会补上；券的状态不对的，需要人来决定。",
    "“Look and repair” makes a coupon that is missing; about one in a wrong state a person has to decide.",
  ],
  finding_todo_coupon_without_claim: PERSON,
  finding_todo_batch_counter: [
    "点「检查并修复」：按实际发出的数量改正。",
    "“Look and repair” sets it to what has really gone out.",
  ],
  finding_todo_budget_differs: PERSON,
  finding_todo_erased_student_back: [
    "点「检查并修复」会再次删除这名学生的资料。",
    "“Look and repair” erases the student again.",
  ],
  finding_todo_erasures_untold: [
    "把旧密钥保留在 CLASSDROP_SECRET 列表中，排在签名密钥之后。",
    "Keep the older secret in CLASSDROP_SECRET, behind the one that signs.",
  ],
  finding_todo_issuance_differs: PERSON,
  finding_todo_trigger_differs: PERSON,
  finding_todo_lottery_differs: PERSON,
  finding_todo_statement_differs: PERSON,
  finding_todo_seal_differs: PERSON,
  finding_todo_events_unnumbered: WORKER,
  finding_todo_events_missing: PERSON,
  finding_todo_reader_ahead: PERSON,
};
