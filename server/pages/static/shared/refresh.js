// @ts-check
/**
 * When a page has to read its coupons again: it is looked at again, it comes back out of the browser's memory,
 * or another tab says that something has changed. At most once in some seconds, and at a random moment: a whole
 * class may pick up their phones at once. Imports nothing, so that it is tested without a page.
 */

/** From one reading to the next. */
export const MIN_INTERVAL_MS = 3_000;
/** Readers who hear of something at once read within this time. */
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

  /** Read soon. What nobody looks at is read when somebody does. */
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

  /** This page has changed something, or heard of it: other tabs read again. */
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
