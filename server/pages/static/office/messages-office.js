// @ts-check
/** The texts of the office's shell and kit. */

/** @type {Record<string, readonly [string, string]>} */
export const officeMessages = {
  office_zone: ["日期和时间均为 {zone}", "Dates and times are those of {zone}"],
  office_title: ["运营后台", "Office"],
  office_skip: ["跳到内容", "Skip to the content"],
  office_group_live: ["现在", "Now"],
  office_group_promotions: ["营销", "Promotions"],
  office_group_people: ["学生", "People"],
  office_group_money: ["财务", "Money"],
  office_group_system: ["系统", "System"],
  office_no_page: [
    "没有这个页面，或你的身份不能查看。",
    "There is no such page, or your role does not see it.",
  ],
  office_empty: ["还没有记录。", "Nothing here yet."],
  office_more: ["更多", "More"],
  office_csv: ["下载 CSV", "Download CSV"],
  office_find: ["查找券码、订单、学生或任何编号", "Find a code, an order, a student or any id"],
  office_all: ["全部", "All"],
  office_state: ["状态", "State"],
  office_filter: ["筛选", "Filter"],
  office_rows: ["共 {n} 条", "{n} rows"],
  office_rows_one: ["共 {n} 条", "{n} row"],
  office_rows_more: ["已列出 {n} 条，还有更多", "{n} rows, and more"],
  office_rows_more_one: ["已列出 {n} 条，还有更多", "{n} row, and more"],
  office_reason: ["原因（会记入操作日志）", "Reason (kept in the log of acts)"],
  office_next: ["下一步", "Next"],
  office_back: ["上一步", "Back"],
  office_no: ["不，返回", "No, go back"],
  office_field_wrong: ["请检查这一项（{code}）", "Please check this field ({code})"],
  conflict_title: ["有人刚刚保存过", "Somebody else has saved meanwhile"],
  conflict_hint: [
    "请逐项选择要保留的值。只有一方改过的项已经选好。",
    "Choose what to keep. Where only one of you changed a field, that is chosen already.",
  ],
  conflict_theirs: ["服务器上的", "On the server"],
  conflict_mine: ["我的", "Mine"],
  conflict_empty: ["（空）", "(empty)"],
  conflict_save: ["按选择保存", "Save what is chosen"],
};
