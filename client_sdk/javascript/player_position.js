// @ts-check
/**
 * Tells Classdrop where the video of a class is, so that prepared drops open at their second of it. A page that
 * plays the video, or a player of its own, calls it. Needs a token of the room's teacher. Twin of
 * `python/player_position.py`.
 *
 * @module
 */

import { ApiError } from "./transport.js";

/** @import {Api} from "./api.js" */

/** Between two calls. A cue opens within this time, and a quarter of a second more. */
const EVERY_MS = 2_000;
/** The server takes no later second. */
const LAST_SECOND = 86_400;

/** The sender of one player. It sends at most once in `everyMs`, and only while the video plays. */
export class PlayerPosition {
  /**
   * @param {object} options
   * @param {Api} options.api with a token of the room's teacher
   * @param {string} options.room
   * @param {number} [options.everyMs]
   * @param {() => number} [options.now] local ms that never go back
   */
  constructor({ api, room, everyMs = EVERY_MS, now = () => performance.now() }) {
    this._api = api;
    this._room = room;
    this._everyMs = everyMs;
    this._now = now;
    this._nextAt = -Infinity;
    this._isSending = false;
    /** Why the last call failed; null after one that did not. @type {ApiError|null} */
    this.error = null;
  }

  /**
   * Note where the player is; call it as often as the player says so. A call that fails is not repeated: the next
   * position takes its place.
   * @param {number} seconds from the beginning of the video
   * @param {boolean} isPlaying
   * @returns {Promise<boolean>} whether this position was told
   */
  async update(seconds, isPlaying) {
    const isSent =
      isPlaying && !this._isSending && this._now() >= this._nextAt && isPosition(seconds);
    if (!isSent) return false;
    this._isSending = true;
    this._nextAt = this._now() + this._everyMs;
    try {
      await this._api.tellPosition(this._room, Math.floor(seconds));
      this.error = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      this._nextAt = this._now() + Math.max(this._everyMs, error.retryAfterMs ?? 0);
    } finally {
      this._isSending = false;
    }
    return this.error === null;
  }

  /**
   * Tell the position of a media element, from now on.
   * @param {HTMLMediaElement} media
   * @returns {() => void} ends it
   */
  follow(media) {
    const tell = () =>
      void this.update(media.currentTime, !media.paused && !media.ended && !media.seeking);
    media.addEventListener("timeupdate", tell);
    return () => media.removeEventListener("timeupdate", tell);
  }
}

/** @param {number} seconds a live stream may count from any moment */
const isPosition = (seconds) => seconds >= 0 && seconds <= LAST_SECOND;
