// @ts-check
/**
 * Compute a student's spins again from the seeds that were published, and say which are as they were told.
 * Called by the lottery's page and by schools with what `GET /v1/lotteries/{id}` and `GET …/spins` returned,
 * and with nothing else: it asks no server. Needs nothing but Web Crypto. Twin of `python/lotteries.py`.
 *
 * @module
 */

/** @import {Lottery, SpinRecord} from "./shapes.js" */

const PPM = 1_000_000n;
const LIMIT = (2n ** 64n / PPM) * PPM; // numbers from here on would favour the first prizes

/**
 * `good`: seed, number and prize are as they must be. `waiting`: the seed of its day is not out yet.
 * `wrong_seed`: it is not the one that was promised before the day. `wrong_number`: another number follows
 * from it. `wrong_prize`: the number belongs to another prize, or it won what its place in the list and the
 * policy do not allow. `wrong_order`: a number of the student's count is missing or there twice.
 *
 * @typedef {"good"|"waiting"|"wrong_seed"|"wrong_number"|"wrong_prize"|"wrong_order"} Verdict
 */
/** @typedef {{n: number, verdict: Verdict}} CheckedSpin */

/**
 * Resolve the number, 0 to 999,999, of a student's spin `n`, from 1.
 *
 * @param {Uint8Array<ArrayBuffer>} seed @param {string} lotteryId @param {string} student
 * @param {number} n @returns {Promise<number>}
 */
export async function spinNumber(seed, lotteryId, student, n) {
  const way = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", seed, way, false, ["sign"]);
  const text = `${lotteryId}|${student}|${n}`;
  for (let again = 0; ; again += 1) {
    const message = new TextEncoder().encode(again ? `${text}|${again}` : text);
    const word = new DataView(await crypto.subtle.sign("HMAC", key, message)).getBigUint64(0);
    if (word < LIMIT) return Number(word % PPM);
  }
}

/**
 * Return the place of the prize to which the number belongs, by the ppm of each prize in their order.
 *
 * @param {number[]} odds @param {number} number @returns {number}
 */
export function drawnPlace(odds, number) {
  let end = 0;
  for (const [place, ppm] of odds.entries()) {
    end += ppm;
    if (number < end) return place;
  }
  return odds.length;
}

/**
 * Resolve the verdict on each spin of one student, first spin first. `spins` are all spins of the student in
 * the lottery, of all pages.
 *
 * @param {Lottery} lottery @param {SpinRecord[]} spins @returns {Promise<CheckedSpin[]>}
 */
export async function verifySpins(lottery, spins) {
  const given = [...spins].sort((one, other) => one.n - other.n);
  const checks = given.map(async (spin, place) => {
    const inOrder = spin.n === place + 1;
    return { n: spin.n, verdict: inOrder ? await verdictOf(lottery, spin) : "wrong_order" };
  });
  return /** @type {Promise<CheckedSpin[]>} */ (Promise.all(checks));
}

/** @param {Lottery} lottery @param {SpinRecord} spin @returns {Promise<Verdict>} */
async function verdictOf(lottery, spin) {
  if (!spin.seed) return "waiting";
  const seed = fromHex(spin.seed);
  const commitment = toHex(await crypto.subtle.digest("SHA-256", seed));
  const promised = lottery.days.find((day) => day.day === spin.day)?.commitment ?? commitment;
  if (commitment !== spin.commitment || commitment !== promised) return "wrong_seed";
  const number = await spinNumber(seed, lottery.id, spin.student, spin.n);
  if (number !== spin.number) return "wrong_number";
  const odds = lottery.prizes.map((prize) => prize.ppm);
  const isDrawn = drawnPlace(odds, spin.number) === spin.drawn;
  return isDrawn && mayWin(lottery, spin.drawn, spin.prize) ? "good" : "wrong_prize";
}

/**
 * Return whether a spin that drew this prize may have won that one: a prize may be gone.
 *
 * @param {Lottery} lottery @param {number} drawn @param {number|undefined} won
 */
function mayWin(lottery, drawn, won) {
  if (won === undefined) return true;
  if (lottery.prizes[drawn].batch_id === null) return false;
  return won === drawn || (lottery.empty_policy === "next" && won > drawn);
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

/** @param {ArrayBuffer} bytes @returns {string} */
function toHex(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
