// @ts-check
/**
 * The public face of the SDK: what pages, embeds and the school's own code import.
 * Everything else in this folder may change; these names may not. Twin of `python/__init__.py`.
 *
 * @module
 */

export { Api, ApiError, makeToken } from "./api.js";
export { ClaimLostError, RoomClient, StoppedError } from "./client.js";
export { comesBack, instantMs, instantText } from "./frames.js";
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
