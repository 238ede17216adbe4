// @ts-check
/**
 * The changing QR code of a drop in an image: the next one is fetched when its turn comes, and an old one is
 * hidden rather than shown. Used by the screen and the console.
 */

import { ApiError } from "/sdk/transport.js";

/** @typedef {import("/sdk/shapes.js").Ticket} Ticket */

const TRY_AGAIN_MS = 2_000;
const AT_LEAST_MS = 500;

export class ChangingCode {
  /**
   * @param {HTMLImageElement} image
   * @param {(dropId: string) => Promise<Ticket>} fetchTicket
   * @param {() => number} now server time, ms
   * @param {(isShown: boolean) => void} changed called when a code is there, and when it is gone
   */
  constructor(image, fetchTicket, now, changed) {
    this._image = image;
    this._fetch = fetchTicket;
    this._now = now;
    this._changed = changed;
    this._drop = "";
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this._timer = undefined;
    this._goodUntil = 0;
  }

  /** Show the code of this drop; of none where the id is empty. @param {string} dropId */
  of(dropId) {
    if (dropId === this._drop) return;
    this._drop = dropId;
    clearTimeout(this._timer);
    this._changed(false);
    if (dropId) void this._next(dropId);
  }

  /** @param {string} dropId */
  async _next(dropId) {
    let wait = TRY_AGAIN_MS;
    try {
      const ticket = await this._fetch(dropId);
      if (dropId !== this._drop) return;
      this._image.src = `data:image/svg+xml;base64,${btoa(ticket.svg)}`;
      this._goodUntil = Date.parse(ticket.good_until);
      wait = Math.max(AT_LEAST_MS, Date.parse(ticket.changes_at) - this._now());
      this._changed(true);
    } catch (error) {
      if (dropId !== this._drop) return;
      if (this._now() >= this._goodUntil) this._changed(false);
      // A token that may not have it, or a drop that has ended: there will be none.
      if (error instanceof ApiError && !error.retryable) return;
    }
    this._timer = setTimeout(() => void this._next(dropId), wait);
  }
}
