// @ts-check
/**
 * The public names of the SDK, for pages, embeds and the school's own code. These names do not change;
 * everything else in this folder may. Twin of `python/__init__.py`.
 *
 * @module
 */

export { Api } from "./api.js";
export { ClaimLostError, RoomClient, StoppedError } from "./client.js";
export { instantMs, instantText, isReconnectable } from "./frames.js";
/** The older name, kept for programs that import it. */
export { isReconnectable as comesBack } from "./frames.js";
export { Session } from "./session.js";
export {
  claimText,
  closeReasonText,
  closeText,
  couponText,
  errorText,
  outcomeText,
  statusText,
} from "./texts.js";
export { makeToken } from "./tokens.js";
export { ApiError } from "./transport.js";
