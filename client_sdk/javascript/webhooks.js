// @ts-check
/**
 * Check that a webhook's call is Classdrop's: the signature of Standard Webhooks, and its age. Called by the
 * school's receiver with the body as it came, before it is parsed. Needs nothing but Web Crypto, which
 * Node.js, Deno and browsers have. Imported by itself, as
 * `classdrop-sdk/webhooks.js`: no page needs it. Twin of `python/webhooks.py`.
 *
 * @module
 */

/** Seconds; older or newer calls are refused: somebody may have kept one and sends it again. */
export const TOLERANCE_S = 300;

/** The call is not Classdrop's, or too old. Answer 400 and do nothing else with it. */
export class WebhookError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "WebhookError";
  }
}

/**
 * Resolve the JSON of a call whose signature is good; reject with WebhookError for any other.
 *
 * The same call may come twice: `webhook-id` is then the same, and so is each event's `id`.
 *
 * @param {string} secret what `POST /v1/webhooks` returned (`whsec_…`)
 * @param {Record<string, string|string[]|undefined>|Headers} headers
 * @param {string|Uint8Array} body as it came
 * @param {number} [now] seconds since 1970
 * @returns {Promise<Record<string, any>>}
 */
export async function verifyWebhook(secret, headers, body, now = Date.now() / 1000) {
  const given = smallNames(headers);
  const sent = given["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(sent) || Math.abs(now - Number(sent)) > TOLERANCE_S) {
    throw new WebhookError("its time is missing, or too far from ours");
  }
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${given["webhook-id"] ?? ""}.${sent}.`);
  const signed = new Uint8Array([...head, ...bytes]);
  const key = await crypto.subtle.importKey(
    "raw",
    fromBase64(secret.replace(/^whsec_/, "")),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  // After a rotation there are two signatures, with a space between.
  for (const each of (given["webhook-signature"] ?? "").split(" ")) {
    const signature = each.startsWith("v1,") ? fromBase64(each.slice(3)) : null;
    if (signature && (await crypto.subtle.verify("HMAC", key, signature, signed))) {
      const found = JSON.parse(new TextDecoder().decode(bytes));
      if (typeof found === "object" && found && !Array.isArray(found)) return found;
      throw new WebhookError("its body is no JSON object");
    }
  }
  throw new WebhookError("its signature is not good");
}

/**
 * Return the events of a call, in order, as GET /v1/events shows them; a call without `batch` has one. The
 * test call has none.
 *
 * @param {Record<string, any>} call
 * @returns {import("./shapes/events.js").Event[]}
 */
export function eventsOf(call) {
  if (call.type === "batch") return call.data.events;
  const { seq, id, subject, ...data } = call.data;
  if (seq === undefined) return [];
  return [{ seq, id, type: call.type, at: call.timestamp, subject, data }];
}

/** @param {Record<string, string|string[]|undefined>|Headers} headers @returns {Record<string, string>} */
function smallNames(headers) {
  const pairs = headers instanceof Headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** Return the bytes of a text, none where it is not Base64. @param {string} text */
function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
