// @ts-check
/**
 * The link between a page and the server: whether it is live, and when the server last answered.
 * Combines the session's status with the browser's and with the results of calls. Used by the room
 * and the console.
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
    setInterval(look, LOOK_MS); // silence causes no event, so it has to be polled
  }

  /** Update the status; dispatches `change` if it differs. */
  _look() {
    const seen = this._reach.seen(this._client.state.status);
    if (seen === this.seen) return;
    this.seen = seen;
    this.dispatchEvent(new Event("change"));
  }

  get isLive() {
    return this.seen === "live";
  }

  /** Local ms at which the server last answered. */
  get heardAt() {
    return this._reach.heardAt;
  }

  get isOffline() {
    return this.seen === "offline";
  }

  /** The time of day at which the server last answered, while the link is down; empty otherwise. */
  get asOf() {
    return this.isLive ? "" : clockText(this._reach.heardTime);
  }
}
