// @ts-check
/** The texts of the office's page of packs. */

/** @type {Record<string, readonly [string, string]>} */
export const packMessages = {
  packs_caption: ["全部券包", "All packs"],
  packs_hint: [
    "券包里的券一起发放，要么全部得到，要么一张也没有。券包不能修改，需要时新建一个。",
    "A student gets all coupons of a pack together, or none. A pack is never changed; a new one takes its place.",
  ],
  packs_empty: [
    "还没有券包。例如：「新生礼包」＝ 数学券 × 1 ＋ 英语券 × 2。",
    "No pack yet. An example: “Welcome” = 1 coupon of maths + 2 of English.",
  ],
  pack_id: ["编号", "Id"],
  pack_name: ["名称", "Name"],
  pack_holds: ["内容", "What it holds"],
  pack_made_by: ["创建人", "Made by"],
  pack_made: ["创建时间", "Made"],
  pack_new: ["新建券包", "New pack"],
  pack_create: ["创建券包", "Create the pack"],
  pack_kind: ["种类", "Kind"],
  pack_items: ["几张券一起发", "Several coupons together"],
  pack_variants: [
    "按人群发不同的券（取第一个符合的）",
    "Another coupon for each audience (the first that fits)",
  ],
  pack_batch: ["第 {n} 个批次", "Batch {n}"],
  pack_count: ["第 {n} 个批次的张数", "Coupons of batch {n}"],
  pack_audience: [
    "第 {n} 个批次给哪个人群（留空为其余所有人）",
    "Audience of batch {n} (empty: everybody else)",
  ],
  pack_batch_id: ["批次", "Batch"],
  pack_pieces: ["张数", "Coupons"],
  pack_who: ["给谁", "For whom"],
  pack_everybody: ["其余所有人", "everybody else"],
  pack_preview: ["数一数各人群有多少人", "Count who gets which"],
  pack_matching: ["符合", "Fulfil it"],
  pack_chosen: ["会得到它", "Get it"],
  pack_overlap: [
    "{n} 位学生符合多个条件，按顺序取第一个；{none} 位一个也不符合。",
    "{n} students fulfil several and get the first; {none} fulfil none.",
  ],
};
