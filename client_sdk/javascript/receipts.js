// @ts-check
/**
 * Verifies the receipt of a drop, from the document alone: no server is asked, no key is needed. Runs in browsers
 * and Node by WebCrypto. What a receipt proves, and what it does not, is in `PROTOCOL.md`. Twin of
 * `python/receipts.py`; tests give both the same documents.
 *
 * @module
 */

const HASH = /^[0-9a-f]{64}$/;
const NUMBERS = ["count", "stock", "came_back", "given_again"];
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * Return null where the receipt is sound, else the word for what is wrong. `seal` is the hash that the room or the
 * event log was told; without it the receipt is only checked against itself. Words: `shape`, `seal`, `told` (another
 * seal was told), `stock` (more claims than units), `unit` (no such unit), `leaf`, `path`, `leaves` (they do not give
 * this root and count), `place` (the leaf at this place is another one).
 *
 * @param {any} receipt @param {string|null} [seal] @returns {Promise<string|null>}
 */
export async function verifyReceipt(receipt, seal = null) {
  if (!hasShape(receipt)) return "shape";
  const { drop_id, root, count, stock, closed_at, sealed_at, previous } = receipt;
  const numbers = NUMBERS.map((name) => receipt[name]);
  const sealed = [drop_id, root, ...numbers, closed_at, sealed_at];
  if (previous !== undefined && previous !== null) sealed.push(previous);
  if (hex(await sha256(bytes(sealed.join("|")))) !== receipt.seal) return "seal";
  if (seal !== null && seal !== receipt.seal) return "told";
  if (count > stock) return "stock";
  return (await faultOfOwn(receipt)) ?? (await faultOfLeaves(receipt));
}

/** @param {any} receipt */
async function faultOfOwn({ drop_id, root, count, stock, own }) {
  if (own === undefined || own === null) return null;
  if (own.unit < 1 || own.unit > stock) return "unit";
  if (own.salt !== undefined) {
    const name = hex(await sha256(bytes(`${own.salt}|${own.student}`)));
    const parts = [drop_id, name, own.unit, own.turn, own.won_at].join("|");
    if (hex(await sha256(joined([0], bytes(parts)))) !== own.leaf) return "leaf";
  }
  const found = await rootOfPath(unhex(own.leaf), own.index, count, own.path.map(unhex));
  return found !== null && hex(found) === root ? null : "path";
}

/** @param {any} receipt */
async function faultOfLeaves({ root, count, own, leaves }) {
  if (leaves === undefined || leaves === null) return null;
  if (leaves.length !== count) return "leaves";
  if (hex(await rootOf(leaves.map(unhex))) !== root) return "leaves";
  return !own || leaves[own.index] === own.leaf ? null : "place";
}

/** Return the root of RFC 6962 over leaf hashes. @param {Uint8Array[]} leaves */
async function rootOf(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const pairs = [];
    for (let at = 0; at + 1 < level.length; at += 2) pairs.push(node(level[at], level[at + 1]));
    level = [...(await Promise.all(pairs)), ...level.slice(level.length & ~1)];
  }
  return level[0] ?? (await sha256(new Uint8Array()));
}

/** Return the root that a path leads to; null where it is too short, too long, or the place is none.
 * @param {Uint8Array} leaf @param {number} index @param {number} count @param {Uint8Array[]} path */
async function rootOfPath(leaf, index, count, path) {
  if (index >= count) return null;
  let [here, at, last, used] = [leaf, index, count - 1, 0];
  while (last > 0) {
    if (at % 2 === 1 || at < last) {
      if (used === path.length) return null;
      const sibling = path[used++];
      here = at % 2 === 1 ? await node(sibling, here) : await node(here, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return used === path.length ? here : null;
}

/** @param {Uint8Array} left @param {Uint8Array} right */
const node = (left, right) => sha256(joined([1], left, right));

/** @param {Uint8Array<ArrayBuffer>} data */
async function sha256(data) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

/** @param {...(Uint8Array|number[])} parts */
function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {string} text */
const bytes = (text) => joined(new TextEncoder().encode(text));

/** @param {Uint8Array} data */
const hex = (data) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} text */
const unhex = (text) =>
  Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    parseInt(text.slice(2 * at, 2 * at + 2), 16),
  );

/** @param {any} receipt */
function hasShape(receipt) {
  if (typeof receipt !== "object" || receipt === null) return false;
  const { drop_id, root, seal, previous, closed_at, sealed_at, own, leaves } = receipt;
  return (
    typeof drop_id === "string" &&
    [root, seal].every(isHash) &&
    NUMBERS.every((name) => isNumber(receipt[name])) &&
    (previous === undefined || previous === null || isHash(previous)) &&
    isInstant(closed_at) &&
    isInstant(sealed_at) &&
    (own === undefined || own === null || hasOwnShape(own)) &&
    (leaves === undefined || leaves === null || areHashes(leaves))
  );
}

/** @param {any} own */
function hasOwnShape(own) {
  const names = [own.student, own.salt];
  return (
    typeof own === "object" &&
    [own.unit, own.turn, own.index].every(isNumber) &&
    isInstant(own.won_at) &&
    isHash(own.leaf) &&
    areHashes(own.path) &&
    (names.every((name) => typeof name === "string") || names.every((name) => name === undefined))
  );
}

/** @param {unknown} value */
const isNumber = (value) => Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
/** @param {unknown} value */
const isHash = (value) => typeof value === "string" && HASH.test(value);
/** @param {unknown} value */
const isInstant = (value) => typeof value === "string" && INSTANT.test(value);
/** @param {unknown} value */
const areHashes = (value) => Array.isArray(value) && value.every(isHash);
