// @ts-check
/** The texts of the office's page of acts. */

/** @type {Record<string, readonly [string, string]>} */
export const actMessages = {
  acts_caption: ["谁在什么时候做了什么", "Who did what, and when"],
  acts_hint: [
    "操作记录只增不改，也不会删除。老师和运营的每次操作都在这里。",
    "Acts are only added: never changed, never deleted. Each act of an operator or a teacher is here.",
  ],
  acts_empty: [
    "没有符合条件的记录。例如：「王芳 · 批次：已停止 · 原因：价格写错」。",
    "No such act. An example: “wang.fang · batch: stopped · reason: wrong price”.",
  ],
  act_at: ["时间", "When"],
  act_actor: ["谁", "Who"],
  act_action: ["做了什么", "What"],
  act_subject: ["对象编号", "On (id)"],
  act_reason: ["原因", "Why"],
  act_detail: ["详情", "Detail"],
  act_from: ["从", "From"],
  act_to: ["到（含）", "To (included)"],
  act_any: ["全部", "Anything"],
  act_export: ["导出全部符合条件的记录（CSV）", "Export all that match (CSV)"],
};
