// @ts-check
/**
 * Checks a draw from its proof document alone: that nobody added, dropped, swapped or reordered an entry,
 * chose another seed, or changed the number of units. Used by schools and by tests. Needs no
 * server, and shares no code with it. Twin of `python/draws.py`.
 *
 * @module
 */

/** @import {Draw, DrawReceipt} from "./shapes.js" */

/** @param {string} hex */
const bytes = (hex) => {
  if (typeof hex !== "string" || !/^([0-9a-f]{2})*$/.test(hex)) throw new TypeError("no digits");
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
};

/** @param {Uint8Array} found */
const hex = (found) => Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {...Uint8Array} parts @returns {Promise<Uint8Array>} */
const sha256 = async (...parts) =>
  new Uint8Array(
    await crypto.subtle.digest("SHA-256", await new Blob(/** @type {any} */ (parts)).arrayBuffer()),
  );

/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text);

/** Return what is wrong with a draw that is over; empty where everything is as it must be. The words:
 * `unfinished` (there is nothing to check yet), `malformed`, `commitment`, `count`, `root`, `winners`. Keep
 * the commitment of the card, and your receipt: only they tie this document to what you saw.
 * @param {Draw} document @returns {Promise<string[]>} */
export async function verifyDraw(document) {
  if (!["closed", "aborted"].includes(document.state)) return ["unfinished"];
  let seed, leaves, key;
  try {
    seed = bytes(/** @type {string} */ (document.seed));
    leaves = document.leaves.map(bytes);
    const root = bytes(/** @type {string} */ (document.root));
    key = await drawKey(seed, root, document.drop_id, bytes(document.beacon ?? ""));
  } catch {
    return ["malformed"];
  }
  const wrong = [];
  if (hex(await sha256(seed)) !== document.commitment) wrong.push("commitment");
  if (leaves.length !== document.count) wrong.push("count");
  if (hex(await merkleRoot(leaves)) !== document.root) wrong.push("root");
  const units = document.state === "aborted" ? 0 : Number(document.units);
  const expected = units ? (await drawOrder(key, leaves.length)).slice(0, units) : [];
  if (JSON.stringify(document.winners) !== JSON.stringify(expected)) wrong.push("winners");
  return wrong;
}

/** Return the leaf that the parts of a receipt make, in hexadecimal digits.
 * @param {DrawReceipt} receipt @returns {Promise<string>} */
export async function receiptLeaf({ drop_id, pseudonym, request_id, entered_at, client_random }) {
  const text = [drop_id, pseudonym, request_id, entered_at, client_random].join("|");
  return hex(await sha256(Uint8Array.of(0), utf8(text)));
}

/** Return whether the entry of this receipt is in the document, at its place and unchanged.
 * @param {Draw} document @param {DrawReceipt} receipt @returns {Promise<boolean>} */
export async function verifyReceipt(document, receipt) {
  const leaf = await receiptLeaf(receipt);
  const isSame = document.drop_id === receipt.drop_id;
  return isSame && document.leaves?.[receipt.index] === leaf && receipt.leaf === leaf;
}

/** Return the key of the draw.
 * @param {Uint8Array} seed @param {Uint8Array} root @param {string} dropId
 * @param {Uint8Array} [beacon] @returns {Promise<Uint8Array>} */
export function drawKey(seed, root, dropId, beacon = new Uint8Array()) {
  return sha256(seed, root, beacon, utf8(dropId));
}

/** Return the indexes of all entries in the order of the draw: Fisher-Yates, forwards.
 * @param {Uint8Array} key @param {number} count @returns {Promise<number[]>} */
export async function drawOrder(key, count) {
  const order = Array.from({ length: count }, (_, index) => index);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const signer = await crypto.subtle.importKey("raw", /** @type {any} */ (key), hmac, false, [
    "sign",
  ]);
  let n = 0n;
  const next = async () => {
    const counter = new DataView(new ArrayBuffer(8));
    counter.setBigUint64(0, n++);
    return new DataView(await crypto.subtle.sign("HMAC", signer, counter)).getBigUint64(0);
  };
  for (let place = 0; place < count - 1; place++) {
    const choices = BigInt(count - place);
    const limit = (2n ** 64n / choices) * choices;
    let number = await next();
    while (number >= limit) number = await next();
    const at = place + Number(number % choices);
    [order[place], order[at]] = [order[at], order[place]];
  }
  return order;
}

/** Return the root over the leaves as in RFC 6962.
 * @param {Uint8Array[]} leaves @returns {Promise<Uint8Array>} */
export async function merkleRoot(leaves) {
  if (!leaves.length) return sha256();
  let level = leaves;
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at < level.length; at += 2) {
      const pair = level.slice(at, at + 2);
      above.push(pair.length === 2 ? await sha256(Uint8Array.of(1), ...pair) : pair[0]);
    }
    level = above;
  }
  return level[0];
}
