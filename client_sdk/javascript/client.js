// @ts-check
/**
 * `RoomClient`: one person in one room. This is the only file with a socket or a timer. It feeds the
 * sans-IO `Session` and carries out its effects. Pages, `<classdrop-room>` and the school's own pages use
 * it. Must not know a rule of the protocol; those are in `session.js`. Twin of `python/client.py`.
 *
 *     const client = new RoomClient({ url: location.origin, room: "algebra", getToken });
 *     client.addEventListener("change", () => draw(client.state));
 *     client.start();
 *     const outcome = await client.claim(dropId);   // "won", "sold_out", …
 *
 * Events are `CustomEvent`s whose `detail` is the `RoomEvent`: `status`, `welcome`, `drop_opened`,
 * `drop_changed` (also when server time opens or closes a drop), `drop_progress`, `drop_closed`,
 * `drop_removed`, `winners`, `presence`, `claim`, `error`; and `change`, once after all events of one input.
 *
 * @module
 */

import { Api } from "./api.js";
import { SUBPROTOCOL, clientRandom, socketUrl } from "./frames.js";
import { Session } from "./session.js";
import { ApiError, newRequestId } from "./transport.js";

/** @typedef {import("./shapes.js").Claim} Claim */
/** @typedef {import("./shapes.js").RoomState} RoomState */
/** @typedef {import("./shapes.js").Effect} Effect */

/** The client was stopped (`code` null), or the server sent a final close code (4500-4999, RFC 6455's). */
export class StoppedError extends Error {
  /** @param {number|null} code */
  constructor(code) {
    super(code === null ? "the client is stopped" : `the server ended the connection (${code})`);
    this.name = "StoppedError";
    this.code = code;
  }
}

/** No coupon will follow; `claim` has the reason. */
export class ClaimLostError extends Error {
  /** @param {Claim} claim */
  constructor(claim) {
    super(`no coupon from ${claim.drop_id}: ${claim.outcome ?? claim.state}`);
    this.name = "ClaimLostError";
    this.claim = claim;
  }
}

/** @typedef {{settles: (claim: Claim) => boolean, resolve: (claim: Claim) => void, reject: (error: Error) => void}} Waiter */

/** One person in one room, from `start` to `stop` or to a final close. */
export class RoomClient extends EventTarget {
  /**
   * @param {object} options
   * @param {string} options.url the address of Classdrop, `https://…` (`wss://…` is understood too)
   * @param {string} options.room
   * @param {() => string|Promise<string>} options.getToken called at the start and whenever a token has expired
   * @param {new (url: string, protocols: string) => WebSocket} [options.WebSocket] Node 20 has none of its own
   * @param {Api} [options.api] for claims over HTTP; made of `url` and `getToken` if absent
   * @param {() => number} [options.now] local ms; must never go back, so not the time of day
   * @param {() => number} [options.wallNow] the time of day in ms, to find out whether the device slept
   * @param {() => number} [options.random] [0, 1)
   */
  constructor({
    url,
    room,
    getToken,
    WebSocket,
    api,
    now,
    wallNow = Date.now,
    random = Math.random,
  }) {
    super();
    this.room = room;
    this.api = api ?? new Api({ url, getToken });
    this._url = socketUrl(url, room);
    this._WebSocket = WebSocket ?? globalThis.WebSocket;
    this._now = now ?? (() => performance.now());
    this._wallNow = wallNow;
    /** The time of day minus `_now`, at the last call of `_sleptMs`. */
    this._wallOffset = 0;
    this._session = new Session(room, random);
    /** @type {WebSocket|null} */
    this._socket = null;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this._timer = undefined;
    /** @type {Map<string, Set<Waiter>>} */
    this._waiters = new Map();
    this._wakeUp = this._wakeUp.bind(this);
  }

  /** A snapshot of everything there is to show. Do not change its parts.
   * @returns {RoomState} */
  get state() {
    return this._session.state;
  }

  /** The server's time in ms since 1970, to compare with `opens_at` and `closes_at`. */
  get serverNow() {
    return this._now() + this._session.room.clockOffsetMs;
  }

  /** Connect, and stay connected until `stop()` or a final close. It may be called again after either. */
  start() {
    this._listen("addEventListener");
    this._sleptMs();
    this._do(this._session.start(this._now()));
  }

  /** Disconnect for good. Calls that still wait reject with `StoppedError`. */
  stop() {
    this._do(this._session.stop());
  }

  /**
   * Claim a unit of the drop, and resolve with the final outcome: `won`, `already_won`, `sold_out`, …,
   * or the error code of a claim that cannot be repeated. It arrives over the socket or over HTTP, after
   * any number of reconnects. A call while an earlier one waits shares its reply; on a drop that is won it
   * resolves at once. Rejects with `StoppedError`.
   *
   * @param {string} dropId
   * @returns {Promise<string>}
   */
  async claim(dropId) {
    const effects = this._session.claim(dropId, newRequestId(), this._now());
    const claim = this._waitFor(dropId, (known) => known.state !== "pending");
    this._do(effects);
    return claim.then((known) => known.outcome ?? known.state);
  }

  /**
   * Wait until the claim is confirmed, and resolve with its coupon. Rejects with `ClaimLostError` where no
   * coupon will follow, and with `StoppedError`.
   *
   * @param {string} dropId
   * @returns {Promise<import("./shapes.js").Coupon>}
   */
  async untilConfirmed(dropId) {
    const claim = await this._waitFor(dropId, (known) => !WAITING_STATES.has(known.state));
    if (claim.state !== "confirmed" || !claim.coupon) throw new ClaimLostError(claim);
    return claim.coupon;
  }

  /** Hand in the coupons of `api.myCoupons`. A claim takes the state of its coupon from there if that is later.
   * @param {import("./shapes.js").WalletCoupon[]} coupons */
  learn(coupons) {
    this._do(this._session.learn(coupons, this._now()));
  }

  /** Report that the card of this drop was on the screen. The server receives it once.
   * @param {string} dropId */
  seen(dropId) {
    this._do(this._session.seen(dropId, this._now()));
  }

  /** Answer the question of a drop, by the index of an option or its text. Nothing is sent while the
   * connection is away. @param {string} dropId @param {number|string} option */
  answer(dropId, option) {
    this._do(this._session.answer(dropId, option, this._now()));
  }

  /** Hand in the reply of `api.signIn`, `api.answer` or `api.task`.
   * @param {import("./shapes.js").TaskProgress} progress */
  learnTask(progress) {
    this._do(this._session.taskAnswered(progress, this._now()));
  }

  /** Carry out all effects before the events, so that a listener may call `stop()` or `claim()`.
   * @param {Effect[]} effects */
  _do(effects) {
    const events = [];
    for (const effect of effects) {
      if (effect.do === "emit") events.push(effect.event);
      else this._perform(effect);
    }
    this._settle();
    for (const detail of events) this.dispatchEvent(new CustomEvent(detail.type, { detail }));
    if (events.length) this.dispatchEvent(new CustomEvent("change"));
  }

  /** @param {Exclude<Effect, {do: "emit"}>} effect */
  _perform(effect) {
    switch (effect.do) {
      case "connect":
        return this._connect();
      case "send":
        return this._socket?.send(effect.text);
      case "disconnect":
        return this._disconnect(effect.code);
      case "request_token":
        return void this._fetchToken();
      case "claim_over_http":
        return void this._claimOverHttp(effect.drop_id, effect.request_id);
      case "wake_at":
        clearTimeout(this._timer);
        this._timer = setTimeout(
          () => this._tick(),
          Math.min(Math.max(0, effect.at - this._now()), LONGEST_TIMEOUT_MS),
        );
    }
  }

  _connect() {
    const socket = new this._WebSocket(this._url, SUBPROTOCOL);
    this._socket = socket;
    /** @param {() => Effect[]} input events of an earlier socket are ignored */
    const ours = (input) => {
      if (this._socket === socket) this._do(input());
    };
    socket.onopen = () => ours(() => this._session.opened(this._now()));
    socket.onmessage = (message) =>
      ours(() => this._session.frame(String(message.data), this._now()));
    socket.onclose = (event) =>
      ours(() => {
        this._socket = null;
        return this._session.closed(event.code, this._now());
      });
    socket.onerror = () => {}; // a close follows
  }

  /** @param {number} code */
  _disconnect(code) {
    const socket = this._socket;
    this._socket = null;
    socket?.close(code);
  }

  async _fetchToken() {
    const token = await this.api.freshToken().catch(() => null); // the session asks for it again
    const session = this._session;
    this._do(token ? session.token(token, this._now()) : session.tokenFailed(this._now()));
  }

  /** @param {string} dropId @param {string} requestId */
  async _claimOverHttp(dropId, requestId) {
    const session = this._session;
    const random = clientRandom(session.room.modeOf(dropId), requestId);
    const answer = await this.api.claim(dropId, requestId, random).catch(asApiError);
    this._do(
      answer instanceof ApiError
        ? session.httpFailed(dropId, requestId, answer, this._now())
        : session.httpAnswered(dropId, requestId, answer, this._now()),
    );
  }

  /** @param {string} dropId @param {(claim: Claim) => boolean} settles @returns {Promise<Claim>} */
  _waitFor(dropId, settles) {
    return new Promise((resolve, reject) => {
      const waiters = this._waiters.get(dropId) ?? new Set();
      this._waiters.set(dropId, waiters.add({ settles, resolve, reject }));
      this._settle();
    });
  }

  _settle() {
    const { status, room, closeCode } = this._session;
    for (const [dropId, waiters] of this._waiters) {
      const claim = room.claims.get(dropId);
      for (const waiter of waiters) {
        if (claim && waiter.settles(claim)) waiter.resolve(claim);
        else if (status === "stopped") waiter.reject(new StoppedError(closeCode));
        else continue;
        waiters.delete(waiter);
      }
      if (!waiters.size) this._waiters.delete(dropId);
    }
    if (status !== "stopped") return;
    clearTimeout(this._timer);
    this._listen("removeEventListener");
  }

  /** Listen for the network and for the page becoming visible, where there is a window: then reconnect at
   * once.
   * @param {"addEventListener"|"removeEventListener"} method */
  _listen(method) {
    globalThis.window?.[method]?.("online", this._wakeUp);
    globalThis.window?.[method]?.("pageshow", this._wakeUp);
    globalThis.document?.[method]?.("visibilitychange", this._wakeUp);
  }

  _wakeUp() {
    if (globalThis.document?.visibilityState === "hidden") return;
    const slept = this._sleptMs();
    this._do(
      slept >= SLEEP_MS ? this._session.woken(this._now()) : this._session.online(this._now()),
    );
  }

  _tick() {
    const slept = this._sleptMs();
    this._do(
      slept >= SLEEP_MS ? this._session.woken(this._now()) : this._session.tick(this._now()),
    );
  }

  /** Return how long `_now` stood still since the last call. On many devices `performance.now()` does not run
   * while they sleep. A time of day that is set forward looks the same, and costs one reconnect. */
  _sleptMs() {
    const ahead = this._wallNow() - this._now();
    const slept = ahead - this._wallOffset;
    this._wallOffset = ahead;
    return slept;
  }
}

const WAITING_STATES = new Set(["pending", "won", "entered", "answered"]);
/** A clock that stood still this long makes the countdowns late by as much, which is the most they may be.
 * The session then connects again. */
const SLEEP_MS = 1_000;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1; // beyond it setTimeout fires at once

/** Turn a fault of the program into an ApiError that is not retried. @param {unknown} error */
function asApiError(error) {
  if (error instanceof ApiError) return error;
  console.error(error);
  return new ApiError("fault", 0, { detail: String(error) });
}
