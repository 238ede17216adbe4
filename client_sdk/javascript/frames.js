// @ts-check
/**
 * The socket's JSON: what a frame must hold to be one, how ours are written, what close codes mean.
 * Called by `session.js` (and `client.js` for addresses). Knows nothing of state or time. Twin of
 * `python/frames.py`; both are checked by `vectors.json`.
 *
 * @module
 */

export const SUBPROTOCOL = "classdrop.v1";

/** @typedef {Record<string, any> & {type: string}} Frame */

/** @typedef {"string"|"number"|"object"|"instant"|"drop"|"drops"|"claims"|"coupon"} Kind */

/** What the session relies on. A frame without it is not one of ours and is ignored, as are frames
 * of a type that is not listed.
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
  presence: { present: "number" },
  claim_result: { request_id: "string", drop_id: "string", outcome: "string" },
  claim_confirmed: { drop_id: "string", coupon: "coupon" },
  claim_revoked: { drop_id: "string" },
  coupon_released: { drop_id: "string" },
  coupon_changed: { coupon_id: "string", state: "string" },
  ping: { now: "instant" },
  error: { code: "string" },
};

/** @type {Record<string, Record<string, Kind>>} */
const PARTS = {
  drop: {
    id: "string",
    state: "string",
    opens_at: "instant",
    closes_at: "instant",
    remaining: "number",
  },
  claim: { drop_id: "string", state: "string" },
  coupon: { id: "string" },
};

/** @type {Record<Kind, (value: any) => boolean>} */
const IS = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  instant: (value) => typeof value === "string" && !Number.isNaN(instantMs(value)),
  drop: (value) => holds(value, PARTS.drop),
  drops: (value) => Array.isArray(value) && value.every(IS.drop),
  claims: (value) => Array.isArray(value) && value.every((claim) => holds(claim, PARTS.claim)),
  coupon: (value) => holds(value, PARTS.coupon),
};

/** @param {string} text @returns {Frame|null} null: not a frame this SDK knows; ignore it */
export function decode(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  const isKnown =
    holds(frame, { type: "string" }) && Object.prototype.hasOwnProperty.call(REQUIRED, frame.type);
  return isKnown && holds(frame, REQUIRED[frame.type]) ? frame : null;
}

/** @param {any} value @param {Record<string, Kind>} required */
function holds(value, required) {
  return (
    IS.object(value) && Object.entries(required).every(([name, kind]) => IS[kind](value[name]))
  );
}

/** @param {string} token */
export const hello = (token) => JSON.stringify({ type: "hello", token });

/** @param {string} drop_id */
export const seen = (drop_id) => JSON.stringify({ type: "seen", drop_id });

/** @param {string} drop_id @param {string} request_id */
export const claim = (drop_id, request_id) =>
  JSON.stringify({ type: "claim", drop_id, request_id });

export const PONG = JSON.stringify({ type: "pong" });

/** The token is no longer good: come back with a new one. */
export const TOKEN_EXPIRED = 4001;
/** We say so too, to a server that has not been heard for too long. */
export const SILENT = 4003;
/** A drain: come back within the time announced. */
export const SERVICE_RESTART = 1012;

/** The same bytes would be refused again: RFC 6455's protocol, type, text and size errors. */
const FINAL_RFC_CODES = new Set([1002, 1003, 1007, 1009]);

/** Whether to reconnect after this close code. @param {number} code */
export function comesBack(code) {
  return !(code >= 4500 && code <= 4999) && !FINAL_RFC_CODES.has(code);
}

/** RFC 3339 -> ms since 1970. @param {string} text */
export const instantMs = (text) => Date.parse(text);

/** ms since 1970 -> RFC 3339 with `Z` and milliseconds. @param {number} ms */
export const instantText = (ms) => new Date(ms).toISOString();

/** @param {string} url `http(s)://…` or `ws(s)://…` */
export const httpUrl = (url) => url.replace(/^ws/, "http").replace(/\/+$/, "");

/**
 * RangeError for a name that cannot be reached: clients take `.` and `..` as steps in a path.
 * @param {string} room
 */
export function checkedRoom(room) {
  if (room === "." || room === "..") throw new RangeError(`a room cannot be called "${room}"`);
  return room;
}

/** RangeError for a room that cannot be reached. @param {string} url @param {string} room */
export const socketUrl = (url, room) =>
  `${httpUrl(url).replace(/^http/, "ws")}/v1/rooms/${encodeURIComponent(checkedRoom(room))}`;
