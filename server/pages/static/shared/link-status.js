// @ts-check
/**
 * The line between a page and the server: whether it is live, and of which moment the figures are. Joins
 * the session's status and what the browser and the calls say. Used by the room and the console.
 */

import { clockText } from "/sdk/element/value.js";

/** @typedef {import("/sdk/client.js").RoomClient} RoomClient */
/** @typedef {import("/sdk/element/reach.js").Reach} Reach */

const LOOK_MS = 500;

export class LinkStatus extends EventTarget {
  /**
   * @param {RoomClient} client
   * @param {Reach} reach
   */
  constructor(client, reach) {
    super();
    this._client = client;
    this._reach = reach;
    this.seen = reach.seen(client.state.status);
    const look = () => this._look();
    client.addEventListener("status", look);
    reach.addEventListener("change", look);
    setInterval(look, LOOK_MS); // silence tells nobody
  }

  /** Said by `change` when it becomes another. */
  _look() {
    const seen = this._reach.seen(this._client.state.status);
    if (seen === this.seen) return;
    this.seen = seen;
    this.dispatchEvent(new Event("change"));
  }

  get isLive() {
    return this.seen === "live";
  }

  /** Local ms of the server's last word. */
  get heardAt() {
    return this._reach.heardAt;
  }

  get isOffline() {
    return this.seen === "offline";
  }

  /** The time of day of the server's last word, while nothing comes; else empty. */
  get asOf() {
    return this.isLive ? "" : clockText(this._reach.heardTime);
  }
}
