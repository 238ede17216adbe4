// @ts-check
/**
 * `makeToken`: a token as the school's back end makes it. For servers only: whoever has the secret can
 * be anybody. Twin of `python/tokens.py`.
 *
 * @module
 */

import { checkedRoom } from "./frames.js";

/** @import {Role} from "./shapes.js" */

/**
 * Return a signed token (JWT, HS256). Throw RangeError for a room that no URL can name.
 *
 * @param {string} secret
 * @param {object} who
 * @param {string} who.sub the person's id: `[A-Za-z0-9_.:-]{1,64}`
 * @param {Role} who.role
 * @param {string[]} [who.rooms]
 * @param {string[]} [who.tags]
 * @param {number} [who.ttlSeconds] default 4 hours
 * @param {string} [who.name]
 * @param {string} [who.device] a hash that the school makes, for limits beyond one account
 * @param {string} [who.person] likewise
 * @param {boolean} [who.isNew]
 * @param {number} [now] ms since 1970
 * @returns {Promise<string>}
 */
export async function makeToken(secret, who, now = Date.now()) {
  const { rooms = [], tags = [], ttlSeconds = 4 * 3600, isNew, ...rest } = who;
  const iat = Math.floor(now / 1000);
  rooms.forEach(checkedRoom);
  const claims = { aud: "classdrop", ...rest, rooms, tags, iat, exp: iat + ttlSeconds };
  const payload = { ...claims, jti: crypto.randomUUID(), ...(isNew && { new: true }) };
  const head = `${base64Url({ alg: "HS256", typ: "JWT" })}.${base64Url(payload)}`;
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), algorithm, false, [
    "sign",
  ]);
  const signature = await crypto.subtle.sign("HMAC", key, bytes.encode(head));
  return `${head}.${base64Url(new Uint8Array(signature))}`;
}

/** @param {object|Uint8Array} value */
function base64Url(value) {
  const bytes =
    value instanceof Uint8Array ? value : new TextEncoder().encode(JSON.stringify(value));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
