// @ts-check
/**
 * One person's connection to one room as a state machine, without a socket or a clock. The methods are
 * inputs with the local time in ms, of a clock that never goes back; they return effects. The session
 * implements the whole client side of `PROTOCOL.md`: joining, duplicates, lost claims, silence, back-off
 * and new tokens. `client.js` drives it; it must not know sockets, timers or pages. Twin of
 * `python/session.py`; `vectors.json` has scripted sessions for both.
 *
 * @module
 */

import { PendingRequests } from "./pending_requests.js";
import {
  clientRandom,
  PONG,
  SERVICE_RESTART,
  SILENT,
  TOKEN_EXPIRED,
  answer,
  isReconnectable,
  decode,
  hello,
} from "./frames.js";
import { Room } from "./room.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./shapes.js").Effect} Effect */
/** @typedef {import("./shapes.js").RoomEvent} RoomEvent */
/** @typedef {import("./shapes.js").Status} Status */
/** The server pings every 25 s; 10 s for the network. */
const SILENCE_MS = 35_000;
/** The limit from the start of an attempt to `welcome`, the token included. */
const JOIN_MS = 15_000;
/** The wait after an outcome `retry` that names none. */
const RETRY_MS = 1_000;
const BACKOFF_MS = 500;
/** 10,000 students then try 2,000 times a second; a process accepts 5,000. */
const BACKOFF_MAX_MS = 10_000;
/** The wait after a drain that announced none. */
const RESTART_MS = 5_000;
/** A whole room sees a card at once: spread the reports. */
const SEEN_WITHIN_MS = 3_000;

/** The states of the connection. A trigger that is not listed leaves the status as it is.
 * @type {Record<Status, Partial<Record<"start"|"opened"|"welcome"|"lost"|"refused"|"due"|"stop", Status>>>} */
export const TRANSITIONS = {
  stopped: { start: "connecting" },
  connecting: { opened: "joining", lost: "waiting", refused: "stopped", stop: "stopped" },
  joining: { welcome: "live", lost: "waiting", refused: "stopped", stop: "stopped" },
  live: { lost: "waiting", refused: "stopped", stop: "stopped" },
  waiting: { due: "connecting", stop: "stopped" },
};

/** The session of one person in one room. Every input returns the effects to carry out, in order. An input
 * that does not fit the status does nothing. */
export class Session {
  /** @param {string} room @param {() => number} random [0, 1) */
  constructor(room, random) {
    this.room = new Room(room);
    /** @type {Status} */
    this.status = "stopped";
    /** Why the last connection ended. @type {number|null} */
    this.closeCode = null;
    this._random = random;
    /** @type {string|null} */
    this._token = null;
    this._attempt = 0;
    /** Local ms at which the join, the silence or the wait ends. */
    this._deadline = Infinity;
    /** Set by the server in an `error` frame. @type {number|null} */
    this._retryAfterMs = null;
    /** The server set the wait: coming online does not end it. */
    this._isWaitFixed = false;
    this._requests = new PendingRequests((failures) => this._backoff(failures));
    this._wakeAt = Infinity;
    /** @type {Effect[]} */
    this._effects = [];
  }

  /** A snapshot of everything there is to show. @returns {import("./shapes.js").RoomState} */
  get state() {
    const { room, student, present, clockOffsetMs, drops, claims, tasks } = this.room;
    return {
      room,
      student,
      status: this.status,
      closeCode: this.closeCode,
      retryAt: this.status === "waiting" ? this._deadline : null,
      clockOffsetMs,
      present,
      drops: [...drops.values()],
      claims: Object.fromEntries(claims),
      tasks: Object.fromEntries(tasks),
    };
  }

  /** Connect. A session that was stopped may be started again. @param {number} now */
  start(now) {
    this._transition("start", now);
    return this._finish(now);
  }

  /** Disconnect for good, and drop the claims that wait for a reply. @returns {Effect[]} */
  stop() {
    if (this.status !== "stopped") this.closeCode = null;
    this._transition("stop", 0);
    return this._takeEffects();
  }

  /** Report a token, after a `request_token` or at any other time.
   * @param {string} token @param {number} now */
  token(token, now) {
    const isAwaited = this.status === "connecting" && this._token === null;
    if (this.status !== "stopped") this._token = token;
    if (isAwaited) this._effects.push({ do: "connect" });
    return this._finish(now);
  }

  /** Report that no token could be had now. The session tries again after a wait. @param {number} now */
  tokenFailed(now) {
    if (this.status === "connecting" && this._token === null) this._onLost(null, now);
    return this._finish(now);
  }

  /** Report that the socket is open. @param {number} now */
  opened(now) {
    this._transition("opened", now);
    return this._finish(now);
  }

  /** Report that the socket is closed, with its close code. @param {number} code @param {number} now */
  closed(code, now) {
    this._onLost(code, now);
    return this._finish(now);
  }

  /** Report that the network is back, or that the page is visible again. @param {number} now */
  online(now) {
    if (this.status !== "waiting" && now >= this._deadline) this._onDeadline(now);
    if (this.status === "waiting" && !this._isWaitFixed) this._transition("due", now);
    return this.tick(now);
  }

  /** Report that the device slept while the local clock stood still. The difference to the server's clock is
   * wrong now, and the connection may be dead. The session drops it and connects again. @param {number} now */
  woken(now) {
    if (TRANSITIONS[this.status].lost) this._onDeadline(now);
    return this.online(now);
  }

  /** Report a text message of the socket. A frame that this SDK does not know is ignored.
   * @param {string} text @param {number} now */
  frame(text, now) {
    if (this.status !== "joining" && this.status !== "live") return [];
    if (this.status === "live") this._deadline = now + SILENCE_MS;
    const frame = decode(text);
    if (frame) ON_FRAME[frame.type](this, frame, now);
    return this._finish(now);
  }

  /** Claim a unit of the drop. Where a claim of it still waits, or is won already, nothing is sent.
   * @param {string} dropId @param {string} requestId @param {number} now */
  claim(dropId, requestId, now) {
    if (this.status === "stopped") return [];
    const events = this.room.tap(dropId, requestId);
    this._emit(events);
    const random = clientRandom(this.room.modeOf(dropId), requestId);
    if (events.length) this._requests.tap(dropId, requestId, now, random);
    return this._finish(now);
  }

  /** Report that the drop's card was on the screen. The server receives it once, after a random wait.
   * @param {string} dropId @param {number} now */
  seen(dropId, now) {
    this._requests.see(dropId, () => now + this._random() * SEEN_WITHIN_MS);
    return this._finish(now);
  }

  /** Answer the question of a drop. Sent only while the connection is live: an answer costs a try, and must
   * not be sent later without its student knowing.
   * @param {string} dropId @param {number|string} option @param {number} now */
  answer(dropId, option, now) {
    if (this.status === "live") this._effects.push({ do: "send", text: answer(dropId, option) });
    return this._finish(now);
  }

  /** Report the reply to a call of a task.
   * @param {import("./shapes.js").TaskProgress} progress @param {number} now */
  taskAnswered(progress, now) {
    this._emit(this.room.taskProgress(progress));
    return this._finish(now);
  }

  /** Report the reply to a `claim_over_http`.
   * @param {string} drop_id @param {string} request_id @param {{outcome: string, coupon?: import("./shapes.js").Coupon}} answer @param {number} now */
  httpAnswered(drop_id, request_id, answer, now) {
    this._requests.httpEnded(drop_id);
    this._onServerReached(now);
    this._answer({ ...answer, type: "claim_result", drop_id, request_id }, now);
    if (answer.coupon) this._settle(drop_id, this.room.confirm(drop_id, answer.coupon, now));
    return this._finish(now);
  }

  /** Report that a `claim_over_http` failed, with its ApiError. It is tried again later where `retryable`;
   * else the claim is refused with `code`.
   * @param {string} dropId @param {string} requestId
   * @param {{code: string, retryable: boolean, retryAfterMs: number|null}} error @param {number} now */
  httpFailed(dropId, requestId, error, now) {
    this._requests.httpEnded(dropId);
    if (this._requests.isPending(dropId, requestId)) {
      if (error.retryable) this._requests.httpFailed(dropId, now, error.retryAfterMs ?? 0);
      else this._settle(dropId, this.room.refuse(dropId, error.code));
    }
    return this._finish(now);
  }

  /** Report the coupons of a wallet. A claim takes the state of its coupon from there if that is later.
   * @param {import("./shapes.js").WalletCoupon[]} coupons @param {number} now */
  learn(coupons, now) {
    this._emit(this.room.learn(coupons, now));
    return this._finish(now);
  }

  /** Do what is due by now, and ask for the next `wake_at`. Early and repeated calls do no harm.
   * @param {number} now */
  tick(now) {
    this._wakeAt = Infinity;
    if (now >= this._deadline) this._onDeadline(now);
    return this._finish(now);
  }

  // The connection.

  /** @param {"start"|"opened"|"welcome"|"lost"|"refused"|"due"|"stop"} word @param {number} now */
  _transition(word, now) {
    const next = TRANSITIONS[this.status][word];
    if (!next) return;
    this.status = next;
    const code = next === "waiting" || next === "stopped" ? this.closeCode : null;
    this._emit([{ type: "status", status: next, code }]);
    ON_ENTER[next](this, now);
  }

  /** @param {number} now */
  _onDeadline(now) {
    if (this.status === "waiting") return this._transition("due", now);
    this._effects.push({ do: "disconnect", code: SILENT });
    this._onLost(SILENT, now);
  }

  /** @param {number|null} code @param {number} now */
  _onLost(code, now) {
    if (!TRANSITIONS[this.status].lost) return;
    this.closeCode = code;
    if (code === TOKEN_EXPIRED) this._token = null;
    this._transition(code === null || isReconnectable(code) ? "lost" : "refused", now);
  }

  /** Shorten the wait before the next connection: HTTP has reached the server.
   * @param {number} now */
  _onServerReached(now) {
    if (this.status !== "waiting" || this._isWaitFixed) return;
    this._attempt = 0;
    this._deadline = Math.min(this._deadline, now + this._backoff(0));
  }

  /** @returns {number} */
  _waitMs() {
    const serverWait =
      this._retryAfterMs ?? (this.closeCode === SERVICE_RESTART ? RESTART_MS : null);
    this._retryAfterMs = null;
    this._isWaitFixed = serverWait !== null;
    const attempt = this._attempt++;
    return serverWait === null ? this._backoff(attempt) : this._random() * serverWait;
  }

  /** Return a wait with full jitter, so that a room that was cut off does not reconnect all at once.
   * @param {number} attempt */
  _backoff(attempt) {
    return this._random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** attempt);
  }

  // Claims.

  /** @param {Frame} frame @param {number} now */
  _answer(frame, now) {
    const { drop_id, request_id, outcome, retry_after_ms } = frame;
    const isMine = this._requests.isPending(drop_id, request_id);
    if (outcome !== "retry" && outcome !== "rate_limited") {
      if (isMine) this._requests.done(drop_id);
      this._emit(this.room.answer(frame));
    } else if (isMine) {
      this._requests.postpone(drop_id, now + (retry_after_ms ?? RETRY_MS));
    }
  }

  /** @param {string} dropId @param {RoomEvent[]} events */
  _settle(dropId, events) {
    this._requests.done(dropId);
    this._emit(events);
  }

  // Effects.

  /** @param {RoomEvent[]} events */
  _emit(events) {
    for (const event of events) this._effects.push({ do: "emit", event });
  }

  /** @param {number} now @returns {Effect[]} */
  _finish(now) {
    this._emit(this.room.refresh(now));
    if (this.status !== "stopped") {
      this._effects.push(...this._requests.due(now, this.status === "live"));
      this._wake(now);
    }
    return this._takeEffects();
  }

  /** Leave the timer alone where the next moment is later than the one it is set to. It then fires early,
   * finds nothing to do, and sets itself anew. Otherwise every frame would move the timer. @param {number} now */
  _wake(now) {
    const requestAt = this._requests.nextAt(this.status === "live");
    const next = Math.min(this._deadline, this.room.nextChange(now), requestAt);
    if (next >= this._wakeAt && this._wakeAt > now) return;
    this._wakeAt = Math.ceil(next);
    this._effects.push({ do: "wake_at", at: this._wakeAt });
  }

  /** @returns {Effect[]} */
  _takeEffects() {
    const effects = this._effects;
    this._effects = [];
    return effects;
  }
}

/** @type {Record<Status, (session: Session, now: number) => void>} */
const ON_ENTER = {
  connecting(session, now) {
    session._deadline = now + JOIN_MS;
    session._effects.push(session._token === null ? { do: "request_token" } : { do: "connect" });
  },
  joining(session) {
    session._effects.push({ do: "send", text: hello(session._token ?? "") });
  },
  live(session, now) {
    session._deadline = now + SILENCE_MS;
    session._attempt = 0;
    session._retryAfterMs = null;
    session.closeCode = null;
  },
  waiting(session, now) {
    session._deadline = now + session._waitMs();
  },
  stopped(session) {
    session._deadline = Infinity;
    session._wakeAt = Infinity;
    session._token = null;
    for (const dropId of session._requests.clear()) session.room.forgetTap(dropId);
    session._effects.push({ do: "disconnect", code: 1000 });
  },
};

/** @type {Record<string, (session: Session, frame: Frame, now: number) => void>} */
const ON_FRAME = {
  /** A second welcome on a live connection means that the server could not fill a gap in the stream. It
   * replaces the state like the first one. */
  welcome(session, frame, now) {
    session._transition("welcome", now);
    session._emit(session.room.welcome(frame, now));
    session._requests.rejoined(session.room.unanswered(), now);
  },
  drop_opened(session, frame, now) {
    if (!session.room.isRepeated(frame)) session._emit(session.room.putDrop(frame.drop, now));
  },
  drop_changed(session, frame, now) {
    if (!session.room.isRepeated(frame)) session._emit(session.room.putDrop(frame.drop, now));
  },
  drop_progress: (session, frame, now) => session._emit(session.room.progress(frame, now)),
  drop_closed(session, frame, now) {
    if (!session.room.isRepeated(frame)) session._emit(session.room.closeDrop(frame, now));
  },
  drop_sealed(session, frame, now) {
    if (!session.room.isRepeated(frame)) session._emit(session.room.sealDrop(frame, now));
  },
  draw_sealed(session, frame, now) {
    if (!session.room.isRepeated(frame)) session._emit(session.room.sealDraw(frame, now));
  },
  draw_done(session, frame, now) {
    if (!session.room.isRepeated(frame)) session._emit(session.room.finishDraw(frame, now));
  },
  winners: (session, { drop_id, names, more }) =>
    session._emit([{ type: "winners", drop_id, names, more }]),
  presence: (session, frame) => session._emit(session.room.setPresence(frame)),
  claim_result: (session, frame, now) => session._answer(frame, now),
  claim_confirmed: (session, { drop_id, coupon }, now) =>
    session._settle(drop_id, session.room.confirm(drop_id, coupon, now)),
  task_progress: (session, frame) => session._emit(session.room.taskProgress(frame)),
  coupon_changed: (session, frame, now) => session._emit(session.room.changeCoupon(frame, now)),
  message: (session, frame) => session._emit(session.room.takeMessage(frame)),
  offer: (session, { offer }) => session._emit([{ type: "offer", offer }]),
  offer_withdrawn: (session, { offer_id, state }) =>
    session._emit([{ type: "offer_withdrawn", offer_id, state }]),
  claim_revoked: (session, frame) => session._emit(session.room.takeBack("revoked", frame)),
  coupon_released: (session, frame) => session._emit(session.room.takeBack("released", frame)),
  ping(session, frame, now) {
    session._effects.push({ do: "send", text: PONG });
    session.room.setClock(frame.now, now);
  },
  error(session, { code, message = "", retry_after_ms = null }) {
    if (retry_after_ms !== null) session._retryAfterMs = retry_after_ms;
    session._emit([{ type: "error", code, message, retry_after_ms }]);
  },
};
