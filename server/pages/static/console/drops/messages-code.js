// @ts-check
/** The texts of the QR code of a running drop. Used by the console. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const codeMessages = {
  code_title: ["现场二维码", "QR code for the class"],
  code_hint: [
    "每 20 秒更换，拍照转发一分钟后失效。",
    "It changes every 20 s; a photo of it is worth nothing after a minute.",
  ],
  code_none: ["暂时没有二维码。", "There is no code at the moment."],
};
