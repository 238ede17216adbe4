// @ts-check
/**
 * What one person has to tell the room until it is heard: taps and sightings. Decides what goes when
 * and which way: by the socket, or by HTTP where the socket did not answer in time. Asked by
 * `session.js` after every input; must not know what an answer means. `now` is local ms. Twin of
 * `python/errands.py`.
 *
 * @module
 */

import { claim, seen } from "./frames.js";

/** @typedef {import("./shapes.js").Effect} Effect */

const ANSWER_MS = 2_000;

/** A claim not answered yet: `sendAt` by the socket, as soon as it is live; `httpAt` by HTTP, live or
 * not. Infinity = not due. @typedef {{request_id: string, sendAt: number, httpAt: number, failures: number}} Errand */

export class Errands {
  /** @param {(failures: number) => number} backoff the wait in ms after so many failures */
  constructor(backoff) {
    this._backoff = backoff;
    /** By drop. @type {Map<string, Errand>} */
    this._claims = new Map();
    /** Under way: drop id -> request id. @type {Map<string, string>} */
    this._byHttp = new Map();
    /** Drop id -> when to tell; Infinity: told. @type {Map<string, number>} */
    this._seen = new Map();
  }

  /** @param {string} dropId @param {string} request_id @param {number} now */
  tap(dropId, request_id, now) {
    this._claims.set(dropId, { request_id, sendAt: now, httpAt: now + ANSWER_MS, failures: 0 });
  }

  /** `pick` chooses the moment, once per drop. @param {string} dropId @param {() => number} pick */
  see(dropId, pick) {
    if (!this._seen.has(dropId)) this._seen.set(dropId, pick());
  }

  /** @param {string} dropId @param {string} requestId */
  waitsFor(dropId, requestId) {
    return this._claims.get(dropId)?.request_id === requestId;
  }

  /** @param {string} dropId */
  done(dropId) {
    this._claims.delete(dropId);
  }

  /** @returns {string[]} the drops whose claims nobody waits for any more */
  doneWithAll() {
    const dropIds = [...this._claims.keys()];
    this._claims.clear();
    return dropIds;
  }

  /** `dropIds` still wait for their answer: what was sent before may be lost, what the server put off
   * stays put off. @param {Set<string>} dropIds @param {number} now */
  rejoined(dropIds, now) {
    for (const [dropId, errand] of this._claims) {
      errand.failures = 0;
      if (!dropIds.has(dropId)) this._claims.delete(dropId);
      else if (errand.sendAt === Infinity) errand.sendAt = now;
    }
  }

  /** The server asked for the same request again then. @param {string} dropId @param {number} until */
  putOff(dropId, until) {
    const errand = this._claims.get(dropId);
    if (!errand) return;
    errand.sendAt = errand.httpAt = until;
    errand.failures = 0;
  }

  /** @param {string} dropId */
  httpEnded(dropId) {
    this._byHttp.delete(dropId);
  }

  /** @param {string} dropId @param {number} now @param {number} retryAfterMs */
  httpFailed(dropId, now, retryAfterMs) {
    const errand = this._claims.get(dropId);
    if (errand) errand.httpAt = now + Math.max(retryAfterMs, this._backoff(errand.failures++));
  }

  /** What is to be done now. Doing it is taken for granted.
   * @param {number} now @param {boolean} isLive @returns {Effect[]} */
  due(now, isLive) {
    /** @type {Effect[]} */
    const effects = [];
    for (const [drop_id, errand] of this._claims) {
      const { request_id } = errand;
      if (isLive && now >= errand.sendAt) {
        errand.sendAt = Infinity;
        errand.httpAt = now + ANSWER_MS;
        this._seen.set(drop_id, Infinity); // a claim implies it
        effects.push({ do: "send", text: claim(drop_id, request_id) });
      } else if (now >= errand.httpAt && !this._byHttp.has(drop_id)) {
        errand.httpAt = Infinity;
        this._byHttp.set(drop_id, request_id);
        effects.push({ do: "claim_over_http", drop_id, request_id });
      }
    }
    for (const [dropId, tellAt] of this._seen) {
      if (!isLive || now < tellAt) continue;
      this._seen.set(dropId, Infinity);
      effects.push({ do: "send", text: seen(dropId) });
    }
    return effects;
  }

  /** Local ms of the next moment at which something is due; Infinity if none. @param {boolean} isLive */
  nextAt(isLive) {
    const moments = isLive ? [...this._seen.values()] : [];
    for (const [dropId, errand] of this._claims) {
      if (isLive) moments.push(errand.sendAt);
      if (!this._byHttp.has(dropId)) moments.push(errand.httpAt);
    }
    return Math.min(...moments);
  }
}
