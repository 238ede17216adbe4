// @ts-check
/**
 * A watch on whether the server can be reached, judged by the browser's events and by the results of the page's calls.
 * `<classdrop-room>` and the pages use it. By itself it calls only `/livez`: when the browser reports that the
 * network went or came, and, with growing waits, while the server does not answer.
 *
 * `navigator.onLine` alone is not enough in either direction: a laptop without a network reaches a server
 * on itself, and a network that is up may lead nowhere.
 */

import { Api } from "../api.js";
import { httpUrl } from "../frames.js";

/** @typedef {import("../client.js").RoomClient} RoomClient */
/**
 * The connection as a page shows it: the session's status, or why the server is out of reach although the
 * status is better.
 * @typedef {import("../shapes.js").Status|"offline"|"silent"} Seen
 */

/** A call without a reply for this long means that the server is out of reach. */
const SILENT_AFTER_MS = 3_000;
const PROBE_DEADLINE_MS = 3_000;
const PROBE_AGAIN_MS = 2_000;
const PROBE_AGAIN_MAX_MS = 30_000;
/** Events that only a frame of the server causes. */
const HEARD_BY_SOCKET = ["welcome", "drop_opened", "drop_progress", "drop_closed", "presence"];

/** @typedef {{now: () => number, isOnline: () => boolean, fetch: typeof fetch}} Surroundings */

export class Reach extends EventTarget {
  /**
   * @param {string} url where Classdrop is
   * @param {Surroundings} [around]
   */
  constructor(url, around = browser()) {
    super();
    this._url = url;
    this._around = around;
    /** The start of each call that is under way. @type {Set<{since: number}>} */
    this._asking = new Set();
    this._answeredAt = 0;
    this._lostAt = 0;
    this._failures = 0;
    /** The time of the last message of the server, over the socket or HTTP, in ms of a clock that never goes
     * back; 0: none yet. */
    this.heardAt = 0;
    this.fetch = this.fetch.bind(this);
    const look = () => void this._probe();
    globalThis.addEventListener?.("offline", look);
    globalThis.addEventListener?.("online", look);
  }

  /**
   * A `fetch` for an `Api` that records whether the call succeeded.
   * @param {RequestInfo|URL} input
   * @param {RequestInit} [init]
   */
  async fetch(input, init) {
    const call = { since: this._around.now() };
    this._asking.add(call);
    try {
      const response = await this._around.fetch(input, init);
      // The reply proves that the server could be reached when the call began: one that was under way when the
      // network went may still arrive.
      this._answeredAt = Math.max(this._answeredAt, call.since);
      this._heard();
      return response;
    } catch (error) {
      // A call that its caller cancelled tells nothing about the server.
      if (/** @type {Error} */ (error).name !== "AbortError") this._lost();
      throw error;
    } finally {
      this._asking.delete(call);
    }
  }

  /**
   * @param {() => string|Promise<string>} getToken
   * @param {AbortSignal} [signal] ends the calls that are under way
   */
  api(getToken, signal) {
    /** @type {typeof fetch} */
    const ask = (input, init) => this.fetch(input, { ...init, signal: both(init?.signal, signal) });
    return new Api({ url: this._url, getToken, fetch: signal ? ask : this.fetch });
  }

  /** The same as ms since 1970, to show it; 0: none yet. */
  get heardTime() {
    return this.heardAt && Date.now() - (this._around.now() - this.heardAt);
  }

  /** @param {RoomClient} client whose frames are words from the server */
  listenTo(client) {
    for (const type of HEARD_BY_SOCKET) client.addEventListener(type, () => this._heard());
  }

  /**
   * @param {import("../shapes.js").Status} status of the session; `live` where there is none
   * @returns {Seen}
   */
  seen(status) {
    if (status === "stopped") return status;
    if (this._isOffline) return "offline";
    return status === "live" && this._isSilent ? "silent" : status;
  }

  get _isOffline() {
    return !this._around.isOnline() && this._lostAt >= this._answeredAt;
  }

  get _isSilent() {
    if (this._lostAt > this.heardAt) return true;
    const oldest = Math.min(...[...this._asking].map(({ since }) => since));
    return this._around.now() - oldest > SILENT_AFTER_MS && this.heardAt < oldest;
  }

  async _probe() {
    this.dispatchEvent(new Event("change"));
    // iOS 15 lacks AbortSignal.timeout.
    const ended = new AbortController();
    const deadline = setTimeout(
      () => ended.abort(new DOMException("no answer in time", "TimeoutError")),
      PROBE_DEADLINE_MS,
    );
    await this.fetch(`${httpUrl(this._url)}/livez`, {
      signal: ended.signal,
      cache: "no-store",
    }).catch(() => {});
    clearTimeout(deadline);
  }

  _heard() {
    this.heardAt = this._around.now();
    this._failures = 0;
    clearTimeout(this._again);
    this.dispatchEvent(new Event("change"));
  }

  /** Call again after a random part of a growing wait, so that a whole class does not call at once. */
  _lost() {
    this._lostAt = this._around.now();
    const wait = Math.min(PROBE_AGAIN_MAX_MS, PROBE_AGAIN_MS * 2 ** this._failures++);
    clearTimeout(this._again);
    this._again = setTimeout(() => void this._probe(), wait * (0.5 + Math.random()));
    /** @type {any} */ (this._again).unref?.();
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {AbortSignal|null} [one]
 * @param {AbortSignal} [other]
 */
function both(one, other) {
  // Browsers before 2024 lack AbortSignal.any: there only the deadline ends a call.
  return one && other && AbortSignal.any ? AbortSignal.any([one, other]) : one;
}

/** @returns {Surroundings} */
function browser() {
  return {
    now: () => performance.now(), // the time of day may be set while the page is open
    isOnline: () => globalThis.navigator?.onLine !== false,
    fetch: globalThis.fetch.bind(globalThis),
  };
}
