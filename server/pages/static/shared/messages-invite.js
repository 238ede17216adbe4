// @ts-check
/** What a page says to somebody who came by an invitation. Used beside `messages.js`. */

/** @type {Record<string, readonly [zh: string, en: string]>} */
export const inviteMessages = {
  invited_counted: [
    "邀请你的同学已经记上一次，谢谢你来。",
    "Your coming counts for the classmate who invited you. Welcome!",
  ],
};
