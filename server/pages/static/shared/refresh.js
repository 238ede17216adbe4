// @ts-check
/**
 * Decides when a page reads its coupons again: when it becomes visible, when it comes back from the
 * browser's cache, or when another tab reports a change. At most once in some seconds, and at a
 * random moment, because a whole class may pick up their phones at once. Imports nothing, so that
 * it can be tested without a page.
 */

/** The shortest time between two reads. */
export const MIN_INTERVAL_MS = 3_000;
/** Pages that hear of a change at the same moment read spread over this time. */
export const RANDOM_DELAY_MS = 600;
const CHANNEL = "classdrop-coupons";

/**
 * @typedef {object} Surroundings
 * @property {Window & typeof globalThis} window
 * @property {() => number} now ms
 * @property {() => number} random [0, 1)
 * @property {(call: () => void, ms: number) => unknown} later
 * @property {{postMessage(message: unknown): void, onmessage: ((event: any) => void)|null}|null} channel to the other tabs
 */

export class Refresher {
  /**
   * @param {() => unknown} read
   * @param {Surroundings} [around]
   */
  constructor(read, around = ofThisPage()) {
    this._read = read;
    this._around = around;
    this._readAt = -Infinity;
    this._isDue = false;
    const { window, channel } = around;
    window.addEventListener("pageshow", (event) => event.persisted && this.ask());
    window.document.addEventListener("visibilitychange", () => this.ask());
    if (channel) channel.onmessage = () => this.ask();
  }

  /** Read soon. A hidden page reads when it becomes visible. */
  ask() {
    const { window, now, random, later } = this._around;
    if (this._isDue || window.document.visibilityState === "hidden") return;
    this._isDue = true;
    const wait = Math.max(this._readAt + MIN_INTERVAL_MS - now(), 0) + random() * RANDOM_DELAY_MS;
    later(() => this._readNow(), wait);
  }

  _readNow() {
    this._isDue = false;
    this._readAt = this._around.now();
    this._read();
  }

  /** Tell other tabs to read again, after a change in this one. */
  tell() {
    this._around.channel?.postMessage("changed");
  }
}

/** @returns {Surroundings} */
function ofThisPage() {
  return {
    window,
    now: () => performance.now(),
    random: Math.random,
    later: (call, ms) => setTimeout(call, ms),
    channel: "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null,
  };
}
