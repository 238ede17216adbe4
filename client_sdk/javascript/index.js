// @ts-check
/**
 * The public names of the SDK, for pages, embeds and the school's own code. These names do not change;
 * everything else in this folder may. Twin of `python/__init__.py`.
 *
 * @module
 */

/** With every call; the `Api` of `api.js`, which pages load, has those of a class and of a checkout. */
export { OfficeApi as Api } from "./office_api.js";
export { ClaimLostError, RoomClient, StoppedError } from "./client.js";
export { verifyDraw, verifyReceipt as verifyDrawReceipt } from "./draws.js";
export { instantMs, instantText, isReconnectable } from "./frames.js";
/** The older name, kept for programs that import it. */
export { isReconnectable as comesBack } from "./frames.js";
export { verifyReceipt } from "./receipts.js";
export { Session } from "./session.js";
export {
  claimText,
  closeReasonText,
  closeText,
  couponText,
  durationText,
  errorText,
  outcomeText,
  statusText,
  whyText,
} from "./texts.js";
export { makeToken } from "./tokens.js";
export { ApiError } from "./transport.js";
