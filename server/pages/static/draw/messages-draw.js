// @ts-check
/** The texts of the page of a draw, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const drawMessages = {
  draw_title: ["抽取结果，自己验证", "Check this draw yourself"],
  draw_no_token: [
    "请从你的教室打开这个页面，或者在下面选择一份证明文件。",
    "Open this page from your room, or choose a proof file below.",
  ],
  draw_reading: ["正在读取证明…", "Reading the proof…"],
  draw_checking: ["正在你的浏览器里重新计算…", "Computing it again in your browser…"],
  draw_good: ["全部相符", "Everything is as it must be"],
  draw_good_note: [
    "以下各项都由你的浏览器根据公开的证明重新算出。",
    "Your browser has computed all of this again, from the published proof.",
  ],
  draw_bad: ["不相符！", "Something is wrong!"],
  draw_bad_note: [
    "请保存证明文件，连同你的凭证一起交给学校。",
    "Save the proof and show it to the school, with your receipt.",
  ],
  draw_open: ["还没有抽取", "Not drawn yet"],
  draw_open_note: [
    "现在只有指纹是公开的，请把它记下来或截图。结束后公布种子和名单，这个页面会自动核对。",
    "Only the fingerprint is public now: note it, or take a picture of it. Seed and entries are published at the end, and this page then checks them.",
  ],
  draw_aborted: ["这次抽取被取消了，没有人中签", "This draw was called off: nobody won"],
  draw_aborted_note: ["老师给出的原因：{reason}", "The teacher's reason: {reason}"],
  draw_malformed: ["这不是一份抽取证明", "This is no proof of a draw"],
  check_commitment: [
    "种子与开始之前公布的指纹相符（请与你看到的卡片对照）。",
    "The seed fits the fingerprint that was published before the start (compare it with your card).",
  ],
  check_bad: ["不成立：{what}", "Not so: {what}"],
  check_count: [
    "名单上有 {n} 个人，与封存时公布的人数一致。",
    "{n} entries, as announced at the seal.",
  ],
  check_root: [
    "名单与封存的根一致：封存之后没有人被加入、删掉、调换或改变次序。",
    "The entries make the sealed root: after the seal nobody was added, dropped, swapped or moved.",
  ],
  check_winners: [
    "由种子和名单重新抽了一遍，得到同样的 {n} 个名额，次序也相同。",
    "Drawn again from seed and entries: the same {n} places, in the same order.",
  ],
  check_none: ["取消的抽取没有中签名单。", "A draw that was called off has no winners."],
  check_mine: [
    "你的凭证在名单第 {n} 位，一字未改。",
    "Your receipt is entry {n} of the list, unchanged.",
  ],
  draw_mine: ["查我的号码", "Find my entry"],
  draw_mine_none: ["你没有参加这次抽取。", "You did not enter this draw."],
  draw_mine_entered: [
    "你是第 {n} 个参加的，结果还没有公布。",
    "You are entry {n}. The result is not known yet.",
  ],
  draw_mine_won: ["你是第 {n} 个参加的，中签了！", "You are entry {n}, and you won!"],
  draw_mine_not_drawn: [
    "你是第 {n} 个参加的，这次没有中签。",
    "You are entry {n}, and were not drawn this time.",
  ],
  draw_look: ["输入凭证上的号码或指纹", "The number or the fingerprint on a receipt"],
  draw_look_up: ["查找", "Find"],
  draw_found_won: ["第 {n} 位：中签，第 {place} 个抽出。", "Entry {n}: drawn as number {place}."],
  draw_found_reserve: ["第 {n} 位：没有中签。", "Entry {n}: not drawn."],
  draw_found_none: ["名单里没有这一位。", "There is no such entry in the list."],
  draw_found_later: ["名单还没有公布。", "The entries are not published yet."],
  draw_not_title: ["这些核对不能证明什么", "What these checks do not prove"],
  draw_not_before: [
    "运行服务器的人在报名时就知道种子，可能编造假学生，反复尝试。封存之后做不到。",
    "Whoever runs the server knows the seed while students enter, and could invent students and try many. After the seal they cannot.",
  ],
  draw_not_taps: [
    "服务器可以对某次点击不作回应：没有收到凭证的点击，证明里看不到。",
    "A server can ignore a tap: one that got no receipt leaves no trace in the proof.",
  ],
  draw_not_accounts: [
    "一个人用两个账号，就是名单上的两位（最多一位中签）。",
    "One person with two accounts is two entries (one of them can win).",
  ],
  draw_not_server: [
    "这个页面和证明来自同一台服务器。请与你当时看到的卡片和凭证对照；也可以保存文件，用别人的电脑验证：python -m client_sdk verify-draw 文件",
    "This page and the proof come from the same server. Compare with the card and the receipt that you saw, or save the file and check it on another computer: python -m client_sdk verify-draw FILE",
  ],
  draw_facts: ["公布的证明", "The published proof"],
  fact_commitment: ["指纹（种子的 SHA-256）", "Fingerprint (SHA-256 of the seed)"],
  fact_seed: ["种子", "Seed"],
  fact_root: ["名单的根（Merkle）", "Root of the entries (Merkle)"],
  fact_beacon: ["公共随机信标", "Public beacon"],
  fact_count: ["参加人数", "Entries"],
  fact_units: ["名额", "Units"],
  draw_winners: ["中签的号码，按抽出次序", "Drawn, in their order"],
  draw_winners_more: ["另有 {n} 个，见文件。", "And {n} more: see the file."],
  draw_save: ["保存证明文件", "Save the proof"],
  draw_file_title: ["核对一份文件", "Check a file"],
  draw_file_hint: [
    "文件只在你的浏览器里读取，不会上传。",
    "The file is read in your browser alone and is sent nowhere.",
  ],
  draw_file: ["选择证明文件", "Choose a proof"],
  draw_lines: ["看看核对用的几十行代码", "Read the few dozen lines that check it"],
};
