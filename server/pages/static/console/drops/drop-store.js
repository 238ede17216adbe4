// @ts-check
/**
 * The room's drops as a teacher sees them: reports by HTTP, with the live frames merged into them.
 * Dispatches `change`. Used by the console.
 */

import { asApiError } from "../../shared/api-errors.js";

/** @typedef {import("/sdk/shapes.js").DropReport} DropReport */
/** @typedef {import("/sdk/shapes.js").Drop} Drop */
/**
 * @typedef {object} Extra
 * @property {number|null} [duration_seconds]
 * @property {number} [opens_in_seconds]
 * @property {string} [created_at]
 */
/** @typedef {DropReport & Partial<Omit<Drop, keyof DropReport>> & Extra} ShownDrop */

const COUNTERS = /** @type {const} */ ([
  "present",
  "reached",
  "claimed",
  "confirmed",
  "redeemed",
  "released",
  "returned",
  "remaining",
  "revoked",
  "settled_difference",
]);
/** Live frames come every second; this read is for what they miss. */
const LOOK_MS = 4000;
/** What a report leaves out where it does not apply: an edit or a reopening may have taken it away. */
const UNSAID = {
  at: undefined,
  audience: undefined,
  close_reason: undefined,
  closed_at: undefined,
  closes: undefined,
  rehearsal: undefined,
};
const RUNNING = new Set(["scheduled", "open", "sold_out", "drawing"]);

/** @param {ShownDrop} drop */
export const isRunning = (drop) => RUNNING.has(drop.state);

export class DropStore extends EventTarget {
  /**
   * @param {import("/sdk/api.js").Api} api
   * @param {import("/sdk/client.js").RoomClient} client
   */
  constructor(api, client) {
    super();
    this._api = api;
    this._client = client;
    /** @type {Map<string, ShownDrop>} */
    this._known = new Map();
    /** The counters that were last taken from each drop's frames. @type {Map<string, string>} */
    this._taken = new Map();
    /** The error of the last read. @type {import("/sdk/index.js").ApiError|null} */
    this.error = null;
    this._isFollowing = false;
    client.addEventListener("change", () => this._merge());
    client.addEventListener("drop_opened", () => void this.look());
    client.addEventListener("drop_closed", () => void this.look());
    client.addEventListener("welcome", () => void this.look());
  }

  /** Start reading. Resolves when the first read is done. */
  start() {
    this._timer = setInterval(() => {
      if (document.visibilityState === "visible") void this._follow();
    }, LOOK_MS);
    return this.look();
  }

  stop() {
    clearInterval(this._timer);
  }

  /** All drops, newest first. */
  get all() {
    return [...this._known.values()];
  }

  /** Read everything again. */
  async look() {
    try {
      const { drops, next } = await this._api.listDrops(this._client.room);
      if (next) {
        // Drops that wait (at most 100) or run may be older. The map has each once.
        const going = await this._api.listDrops(this._client.room, { ended: false, limit: 200 });
        drops.push(...going.drops);
      }
      this._known = new Map(
        drops.map((drop) => [drop.id, { ...this._known.get(drop.id), ...UNSAID, ...drop }]),
      );
      this.error = null;
    } catch (error) {
      this.error = asApiError(error);
    }
    this._merge();
  }

  /**
   * Read again and again, one read at a time: a server that does not answer keeps each for ten
   * seconds.
   */
  async _follow() {
    if (this._isFollowing) return;
    this._isFollowing = true;
    await this.look();
    this._isFollowing = false;
  }

  /** Take the report that a call returned. @param {DropReport} report */
  put(report) {
    const known = this._known.get(report.id);
    this._known = known
      ? this._known.set(report.id, { ...known, ...UNSAID, ...report })
      : new Map([[report.id, report], ...this._known]);
    this._merge();
  }

  /** Forget a drop that was deleted. @param {string} id */
  remove(id) {
    this._known.delete(id);
    this._merge();
  }

  /**
   * Merge frames into the reports. A frame has the current state and window; counters are taken
   * from whichever came last.
   */
  _merge() {
    for (const live of this._client.state.drops) {
      const known = this._known.get(live.id);
      if (!known) continue;
      const counters = this._isNews(live) ? COUNTERS : [];
      const { state, opens_at, closes_at, quantity } = live;
      const moved = Object.fromEntries(
        counters.filter((name) => live[name] !== undefined).map((name) => [name, live[name]]),
      );
      this._known.set(live.id, {
        ...live,
        ...known,
        state,
        opens_at,
        closes_at,
        // The room sees only what is in a drop that was opened again; a top-up names all units.
        quantity: known.openings > 1 ? known.quantity : quantity,
        ...moved,
      });
    }
    this.dispatchEvent(new Event("change"));
  }

  /** Return whether this frame's counters have not been taken yet. @param {Drop} live */
  _isNews(live) {
    const told = JSON.stringify(COUNTERS.map((name) => live[name]));
    const isNews = this._taken.get(live.id) !== told;
    this._taken.set(live.id, told);
    return isNews;
  }
}
