// @ts-check
/**
 * The JSON frames of the socket: reading, checking and writing them; close codes, times and URLs. Called
 * by `session.js`, and by `client.js` and `transport.js` for URLs. Must not know state or a clock. Twin
 * of `python/frames.py`; `vectors.json` checks both.
 *
 * @module
 */

export const SUBPROTOCOL = "classdrop.v1";

/** @typedef {Record<string, any> & {type: string}} Frame */

/** @typedef {"string"|"number"|"boolean"|"object"|"instant"|"end"|"drop"|"drops"|"claims"|"coupon"|"offer"|"names"|"seal"} Kind */

/** The fields that the session relies on. A frame that lacks one is ignored, and so is a frame whose type
 * is not listed: a later server may send more types.
 * @type {Record<string, Record<string, Kind>>} */
const REQUIRED = {
  welcome: {
    room: "string",
    student: "string",
    now: "instant",
    epoch: "string",
    offset: "number",
    present: "number",
    drops: "drops",
    claims: "claims",
  },
  drop_opened: { drop: "drop", epoch: "string", offset: "number" },
  drop_changed: { drop: "drop", epoch: "string", offset: "number" },
  drop_progress: { drop_id: "string", remaining: "number", state: "string" },
  drop_closed: {
    drop_id: "string",
    reason: "string",
    closed_at: "instant",
    epoch: "string",
    offset: "number",
  },
  drop_sealed: { drop_id: "string", seal: "seal", epoch: "string", offset: "number" },
  draw_sealed: {
    drop_id: "string",
    entries: "number",
    root: "string",
    epoch: "string",
    offset: "number",
  },
  draw_done: {
    drop_id: "string",
    seed: "string",
    winners: "number",
    epoch: "string",
    offset: "number",
  },
  winners: { drop_id: "string", names: "names", more: "number" },
  presence: { present: "number" },
  claim_result: { request_id: "string", drop_id: "string", outcome: "string" },
  claim_confirmed: { drop_id: "string", coupon: "coupon" },
  claim_revoked: { drop_id: "string" },
  coupon_released: { drop_id: "string" },
  coupon_changed: { coupon_id: "string", state: "string" },
  message: { id: "string", text: "string" },
  offer: { offer: "offer" },
  offer_withdrawn: { offer_id: "string", state: "string" },
  task_progress: { drop_id: "string", done: "number", needed: "number", passed: "boolean" },
  ping: { now: "instant" },
  error: { code: "string" },
};

/** @type {Record<string, Record<string, Kind>>} */
const PARTS = {
  seal: { seal: "string", count: "number" },
  drop: {
    id: "string",
    state: "string",
    opens_at: "instant",
    closes_at: "end",
    remaining: "number",
  },
  claim: { drop_id: "string", state: "string" },
  coupon: { id: "string" },
  offer: { id: "string", state: "string", expires_at: "instant" },
};

/** @type {Record<Kind, (value: any) => boolean>} */
const IS = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  // null: a drop without an end
  end: (value) => value === null || IS.instant(value),
  instant: (value) => typeof value === "string" && !Number.isNaN(instantMs(value)),
  seal: (value) => hasFields(value, PARTS.seal),
  drop: (value) => hasFields(value, PARTS.drop),
  drops: (value) => Array.isArray(value) && value.every(IS.drop),
  claims: (value) => Array.isArray(value) && value.every((claim) => hasFields(claim, PARTS.claim)),
  coupon: (value) => hasFields(value, PARTS.coupon),
  offer: (value) => hasFields(value, PARTS.offer),
  names: (value) => Array.isArray(value) && value.every(IS.string),
};

/** @param {string} text @returns {Frame|null} null where the text is not a frame that this SDK knows */
export function decode(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  const isKnown =
    hasFields(frame, { type: "string" }) &&
    Object.prototype.hasOwnProperty.call(REQUIRED, frame.type);
  return isKnown && hasFields(frame, REQUIRED[frame.type]) ? frame : null;
}

/** @param {any} value @param {Record<string, Kind>} required */
function hasFields(value, required) {
  return (
    IS.object(value) && Object.entries(required).every(([name, kind]) => IS[kind](value[name]))
  );
}

/** Return the first frame of a connection as text. @param {string} token */
export const hello = (token) => JSON.stringify({ type: "hello", token });

/** Return the frame that reports that the card of this drop was on the screen. @param {string} drop_id */
export const seen = (drop_id) => JSON.stringify({ type: "seen", drop_id });

/** Return the frame that claims. The same `request_id` always gets the same win. `client_random`: for a draw,
 * 32 hexadecimal digits that nobody could know before.
 * @param {string} drop_id @param {string} request_id @param {string} [client_random] */
export const claim = (drop_id, request_id, client_random) =>
  JSON.stringify({ type: "claim", drop_id, request_id, client_random });

/** Return the random digits of a tap on a draw: its request id, which this client has drawn at random.
 * Undefined for other drops, and for a request id of another form.
 * @param {string|undefined} mode @param {string} requestId */
export const clientRandom = (mode, requestId) =>
  mode === "draw" && /^[0-9a-f]{32}$/.test(requestId) ? requestId : undefined;

/** Return the frame that answers the question of a drop.
 * @param {string} drop_id @param {number|string} option */
export const answer = (drop_id, option) => JSON.stringify({ type: "answer", drop_id, option });

export const PONG = JSON.stringify({ type: "pong" });

/** The token has expired: reconnect with a new one. */
export const TOKEN_EXPIRED = 4001;
/** Sent by either side when nothing was received for too long. */
export const SILENT = 4003;
/** A process drains: reconnect within the time it announced. */
export const SERVICE_RESTART = 1012;

/** RFC 6455's protocol, type, text and size errors. The same bytes would be refused again. */
const FINAL_RFC_CODES = new Set([1002, 1003, 1007, 1009]);

/** Return whether to reconnect after this close code. 4500 to 4999 are final by PROTOCOL.md. @param {number} code */
export function isReconnectable(code) {
  return !(code >= 4500 && code <= 4999) && !FINAL_RFC_CODES.has(code);
}

/** Convert RFC 3339 text to ms since 1970; NaN where it is not that. @param {string} text */
export const instantMs = (text) => Date.parse(text);

/** Convert ms since 1970 to RFC 3339 text with `Z` and milliseconds. @param {number} ms */
export const instantText = (ms) => new Date(ms).toISOString();

/** @param {string} url `http(s)://…` or `ws(s)://…` */
export const httpUrl = (url) => url.replace(/^ws/, "http").replace(/\/+$/, "");

/**
 * Return the name. Throw RangeError for `.` and `..`, which HTTP clients take as steps in a path.
 * @param {string} room
 */
export function checkedRoom(room) {
  if (room === "." || room === "..") throw new RangeError(`a room cannot be called "${room}"`);
  return room;
}

/** Return the URL of the room's socket. Throw RangeError for a room that no URL can name. @param {string} url @param {string} room */
export const socketUrl = (url, room) =>
  `${httpUrl(url).replace(/^http/, "ws")}/v1/rooms/${encodeURIComponent(checkedRoom(room))}`;
