// @ts-check
/**
 * Requests that the server has not answered yet: claims, and reports that a card was seen. Decides when
 * each is sent, and which way: over the socket, or over HTTP where the socket did not answer in time.
 * Called by `session.js` after every input; must not know what a reply means. `now` is local ms. Twin of
 * `python/pending_requests.py`.
 *
 * @module
 */

import { claim, seen } from "./frames.js";

/** @typedef {import("./shapes.js").Effect} Effect */

/** A claim without a reply from the socket goes over HTTP after this time. */
const ANSWER_MS = 2_000;

/** A claim without a reply, and when it is due: `sendAt` over the socket, once it is live; `httpAt` over
 * HTTP, whether the socket is live or not. Infinity means not due. @typedef {{request_id: string, sendAt: number, httpAt: number, failures: number, random?: string}} PendingRequest */

/** The requests of one session. */
export class PendingRequests {
  /** @param {(failures: number) => number} backoff the wait in ms after so many failures */
  constructor(backoff) {
    this._backoff = backoff;
    /** Keyed by drop id. @type {Map<string, PendingRequest>} */
    this._claims = new Map();
    /** Drop id to the id of the HTTP request that is under way. @type {Map<string, string>} */
    this._byHttp = new Map();
    /** Drop id to when to report it; Infinity: reported. @type {Map<string, number>} */
    this._seen = new Map();
  }

  /** Add a claim, due at once. It replaces an earlier claim of the drop. `random`: of a draw.
   * @param {string} dropId @param {string} request_id @param {number} now @param {string} [random] */
  tap(dropId, request_id, now, random) {
    const httpAt = now + ANSWER_MS;
    this._claims.set(dropId, { request_id, sendAt: now, httpAt, failures: 0, random });
  }

  /** Add a report that the card was seen. `pick` chooses its time; it is called once per drop.
   * @param {string} dropId @param {() => number} pick */
  see(dropId, pick) {
    if (!this._seen.has(dropId)) this._seen.set(dropId, pick());
  }

  /** Return whether exactly this request still waits for its reply.
   * @param {string} dropId @param {string} requestId */
  isPending(dropId, requestId) {
    return this._claims.get(dropId)?.request_id === requestId;
  }

  /** Remove the claim of this drop; there may be none. @param {string} dropId */
  done(dropId) {
    this._claims.delete(dropId);
  }

  /** Remove all claims, and return the ids of their drops. @returns {string[]} */
  clear() {
    const dropIds = [...this._claims.keys()];
    this._claims.clear();
    return dropIds;
  }

  /** Make claims due again after a welcome. Keep only the claims of `dropIds`. What was sent on the old
   * socket may be lost, so it is sent again. A claim that the server postponed stays postponed. @param {Set<string>} dropIds @param {number} now */
  rejoined(dropIds, now) {
    for (const [dropId, request] of this._claims) {
      request.failures = 0;
      if (!dropIds.has(dropId)) this._claims.delete(dropId);
      else if (request.sendAt === Infinity) request.sendAt = now;
    }
  }

  /** Send the same request again at `until`, because the server asked for that. @param {string} dropId @param {number} until */
  postpone(dropId, until) {
    const request = this._claims.get(dropId);
    if (!request) return;
    request.sendAt = request.httpAt = until;
    request.failures = 0;
  }

  /** Note that no HTTP request of this drop is under way any more. @param {string} dropId */
  httpEnded(dropId) {
    this._byHttp.delete(dropId);
  }

  /** Try HTTP again after the longer of the back-off and `retryAfterMs`.
   * @param {string} dropId @param {number} now @param {number} retryAfterMs */
  httpFailed(dropId, now, retryAfterMs) {
    const request = this._claims.get(dropId);
    if (request) request.httpAt = now + Math.max(retryAfterMs, this._backoff(request.failures++));
  }

  /** Return what is due now. Each effect counts as carried out once it is returned.
   * @param {number} now @param {boolean} isLive @returns {Effect[]} */
  due(now, isLive) {
    /** @type {Effect[]} */
    const effects = [];
    for (const [drop_id, request] of this._claims) {
      const { request_id } = request;
      if (isLive && now >= request.sendAt) {
        request.sendAt = Infinity;
        request.httpAt = now + ANSWER_MS;
        this._seen.set(drop_id, Infinity); // a claim implies that the card was seen
        effects.push({ do: "send", text: claim(drop_id, request_id, request.random) });
      } else if (now >= request.httpAt && !this._byHttp.has(drop_id)) {
        request.httpAt = Infinity;
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

  /** Return the local ms at which something is due next; Infinity if nothing is. @param {boolean} isLive */
  nextAt(isLive) {
    const moments = isLive ? [...this._seen.values()] : [];
    for (const [dropId, request] of this._claims) {
      if (isLive) moments.push(request.sendAt);
      if (!this._byHttp.has(dropId)) moments.push(request.httpAt);
    }
    return Math.min(...moments);
  }
}
