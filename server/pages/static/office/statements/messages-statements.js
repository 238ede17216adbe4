// @ts-check
/** The texts of the office's page of statements. */

/** @type {Record<string, readonly [string, string]>} */
export const statementMessages = {
  statements_caption: ["对账日", "Days of the statement"],
  statements_empty: [
    "这段时间还没有结束的对账日。每天的账在次日凌晨 2 点封存。",
    "No day of these is closed yet. A day is sealed at 2 in the morning of the next.",
  ],
  statement_from: ["从", "From"],
  statement_to: ["到（含）", "To (included)"],
  statement_date: ["日期", "Date"],
  statement_state: ["状态", "State"],
  statement_sealed: ["已封存", "Sealed"],
  statement_closed: ["待封存", "To be sealed"],
  statement_lines: ["行数", "Lines"],
  statement_paid: ["实付", "Paid"],
  statement_share: ["优惠", "Discount"],
  statement_refunded: ["退款", "Refunded"],
  statement_files: ["下载明细", "Download all lines"],
  statement_files_hint: [
    "包含所选日期的全部订单行，可直接导入表格或财务系统。",
    "Every order line of the days above, for a spreadsheet or the books.",
  ],
  match_title: ["与支付渠道核对", "Match with the payment provider"],
  match_hint: [
    "CSV 文件，首行为 order,paid,refunded；金额以最小货币单位（如分）计，最多 20,000 单。",
    "A CSV file that begins with order,paid,refunded; amounts in minor units (cents), 20,000 orders at most.",
  ],
  match_file: ["支付渠道文件", "The provider's file"],
  match_bad_header: [
    "首行须有 order 和 paid 两列。",
    "The first row must name the columns order and paid.",
  ],
  match_bad_row: ["第 {n} 行读不懂。", "Row {n} cannot be read."],
  match_equal: ["一致", "Equal"],
  match_different: ["金额不同", "Different amounts"],
  match_only_here: ["仅我方有", "Only here"],
  match_only_there: ["仅对方有", "Only there"],
  match_save: [
    "下载差异（每类最多 1,000 条）",
    "Download the differences (the first 1,000 of each kind)",
  ],
};
