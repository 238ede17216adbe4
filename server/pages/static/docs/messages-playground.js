// @ts-check
/** The texts of the token playground, in Chinese and English. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const playgroundMessages = {
  playground_title: ["令牌练习", "Token playground"],
  playground_hint: [
    "只在本机的演示中可用。生产环境中，令牌由学校后端用共享密钥生成。",
    "Of the demo on this machine alone. In production the school's back end makes tokens with the shared secret.",
  ],
  playground_role: ["角色（role）", "Role (role)"],
  playground_sub: ["是谁（sub）", "Who (sub)"],
  playground_rooms: ["教室（rooms），用逗号分开", "Rooms (rooms), with commas between"],
  playground_tags: ["标签（tags），用逗号分开", "Tags (tags), with commas between"],
  playground_minutes: ["有效分钟数，最多 720", "Valid for how many minutes, at most 720"],
  playground_make: ["生成令牌", "Make a token"],
  playground_token: ["令牌", "The token"],
  playground_claims: ["令牌的内容", "What it says"],
  playground_try: ["用它调用", "A call with it"],
  playground_open: ["打开它的页面", "Open its page"],
  playground_wrong: ["这一项不对：{field}", "This field is not valid: {field}"],
  playground_gone: ["没有回复，请确认演示仍在运行。", "No reply. Is the demo still running?"],
};
