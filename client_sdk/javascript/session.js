// @ts-check
/**
 * One person's connection to one room, without a socket or a clock: inputs with the local time in ms (of a
 * clock that never goes back), effects out. Joining, duplicates, claims that get lost, silence, back-off, new tokens: all of
 * `PROTOCOL.md`, run against the scripted sessions of `vectors.json` in both languages. Driven by
 * `client.js`; must not know sockets, timers or pages. Twin of `python/session.py`.
 *
 * @module
 */

import { Errands } from "./errands.js";
import {
  PONG,
  SERVICE_RESTART,
  SILENT,
  TOKEN_EXPIRED,
  comesBack,
  decode,
  hello,
} from "./frames.js";
import { Room } from "./room.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./shapes.js").Effect} Effect */
/** @typedef {import("./shapes.js").RoomEvent} RoomEvent */
/** @typedef {import("./shapes.js").Status} Status */
/** The server pings every 25 s; 10 s are for the journey. */
const SILENCE_MS = 35_000;
/** From the wish to connect to `welcome`, token included. */
const JOIN_MS = 15_000;
const RETRY_MS = 1_000;
const BACKOFF_MS = 500;
/** 10,000 students then try 2,000 times a second: a process takes 5,000. */
const BACKOFF_MAX_MS = 10_000;
/** A drain that announced nothing. */
const RESTART_MS = 5_000;
const SEEN_WITHIN_MS = 3_000;

/** The connection: what leads where. Anything not listed leaves the status as it is.
 * @type {Record<Status, Partial<Record<"start"|"opened"|"welcome"|"lost"|"refused"|"due"|"stop", Status>>>} */
export const TRANSITIONS = {
  stopped: { start: "connecting" },
  connecting: { opened: "joining", lost: "waiting", refused: "stopped", stop: "stopped" },
  joining: { welcome: "live", lost: "waiting", refused: "stopped", stop: "stopped" },
  live: { lost: "waiting", refused: "stopped", stop: "stopped" },
  waiting: { due: "connecting", stop: "stopped" },
};

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
    /** By when this status has to end: join, silence, or the wait. */
    this._deadline = Infinity;
    /** Asked by the server in an `error` frame. @type {number|null} */
    this._retryAfterMs = null;
    /** The wait was asked for: coming online does not cut it short. */
    this._waitIsAsked = false;
    this._errands = new Errands((failures) => this._backoff(failures));
    this._wakeAt = Infinity;
    /** @type {Effect[]} */
    this._effects = [];
  }

  /** Everything there is to show. @returns {import("./shapes.js").RoomState} */
  get state() {
    const { room, student, present, clockOffsetMs, drops, claims } = this.room;
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
    };
  }

  /** @param {number} now */
  start(now) {
    this._move("start", now);
    return this._done(now);
  }

  /** @returns {Effect[]} */
  stop() {
    if (this.status !== "stopped") this.closeCode = null;
    this._move("stop", 0);
    return this._taken();
  }

  /** @param {string} token @param {number} now */
  token(token, now) {
    const isAwaited = this.status === "connecting" && this._token === null;
    if (this.status !== "stopped") this._token = token;
    if (isAwaited) this._effects.push({ do: "connect" });
    return this._done(now);
  }

  /** @param {number} now */
  tokenFailed(now) {
    if (this.status === "connecting" && this._token === null) this._lose(null, now);
    return this._done(now);
  }

  /** @param {number} now */
  opened(now) {
    this._move("opened", now);
    return this._done(now);
  }

  /** @param {number} code @param {number} now */
  closed(code, now) {
    this._lose(code, now);
    return this._done(now);
  }

  /** The network is back, or the page is looked at again. @param {number} now */
  online(now) {
    if (this.status !== "waiting" && now >= this._deadline) this._overdue(now);
    if (this.status === "waiting" && !this._waitIsAsked) this._move("due", now);
    return this.tick(now);
  }

  /** The device slept, and the clock stood still meanwhile: the server's time is not known any more and
   * the connection may be dead. Another one is opened, as by `online`. @param {number} now */
  woken(now) {
    if (TRANSITIONS[this.status].lost) this._overdue(now);
    return this.online(now);
  }

  /** @param {string} text @param {number} now */
  frame(text, now) {
    if (this.status !== "joining" && this.status !== "live") return [];
    if (this.status === "live") this._deadline = now + SILENCE_MS;
    const frame = decode(text);
    if (frame) ON_FRAME[frame.type](this, frame, now);
    return this._done(now);
  }

  /** @param {string} dropId @param {string} requestId @param {number} now */
  claim(dropId, requestId, now) {
    if (this.status === "stopped") return [];
    const events = this.room.tap(dropId, requestId);
    this._emit(events);
    if (events.length) this._errands.tap(dropId, requestId, now);
    return this._done(now);
  }

  /** The card was on the screen. Told once, after a random wait: a room looks up all at once.
   * @param {string} dropId @param {number} now */
  seen(dropId, now) {
    this._errands.see(dropId, () => now + this._random() * SEEN_WITHIN_MS);
    return this._done(now);
  }

  /** A claim_result that came by HTTP.
   * @param {string} drop_id @param {string} request_id @param {{outcome: string, coupon?: import("./shapes.js").Coupon}} answer @param {number} now */
  httpAnswered(drop_id, request_id, answer, now) {
    this._errands.httpEnded(drop_id);
    this._isBack(now);
    this._answer({ ...answer, type: "claim_result", drop_id, request_id }, now);
    if (answer.coupon) this._settle(drop_id, this.room.confirm(drop_id, answer.coupon, now));
    return this._done(now);
  }

  /** No answer by HTTP: asked again later, unless that would change nothing.
   * @param {string} dropId @param {string} requestId
   * @param {{code: string, retryable: boolean, retryAfterMs: number|null}} error @param {number} now */
  httpFailed(dropId, requestId, error, now) {
    this._errands.httpEnded(dropId);
    if (this._errands.waitsFor(dropId, requestId)) {
      if (error.retryable) this._errands.httpFailed(dropId, now, error.retryAfterMs ?? 0);
      else this._settle(dropId, this.room.refuse(dropId, error.code));
    }
    return this._done(now);
  }

  /** A wallet was read: cards say the same. @param {import("./shapes.js").WalletCoupon[]} coupons @param {number} now */
  learn(coupons, now) {
    this._emit(this.room.learn(coupons, now));
    return this._done(now);
  }

  /** The timer has fired: what is due by now is done, and the next timer is asked for. Early and repeated
   * calls do no harm. @param {number} now */
  tick(now) {
    this._wakeAt = Infinity;
    if (now >= this._deadline) this._overdue(now);
    return this._done(now);
  }

  // The connection.

  /** @param {"start"|"opened"|"welcome"|"lost"|"refused"|"due"|"stop"} word @param {number} now */
  _move(word, now) {
    const next = TRANSITIONS[this.status][word];
    if (!next) return;
    this.status = next;
    const code = next === "waiting" || next === "stopped" ? this.closeCode : null;
    this._emit([{ type: "status", status: next, code }]);
    ON_ENTER[next](this, now);
  }

  /** @param {number} now */
  _overdue(now) {
    if (this.status === "waiting") return this._move("due", now);
    this._effects.push({ do: "disconnect", code: SILENT });
    this._lose(SILENT, now);
  }

  /** @param {number|null} code @param {number} now */
  _lose(code, now) {
    if (!TRANSITIONS[this.status].lost) return;
    this.closeCode = code;
    if (code === TOKEN_EXPIRED) this._token = null;
    this._move(code === null || comesBack(code) ? "lost" : "refused", now);
  }

  /** The server was heard beside the socket: whoever waits to reconnect has waited long enough.
   * @param {number} now */
  _isBack(now) {
    if (this.status !== "waiting" || this._waitIsAsked) return;
    this._attempt = 0;
    this._deadline = Math.min(this._deadline, now + this._backoff(0));
  }

  /** @returns {number} */
  _waitMs() {
    const asked = this._retryAfterMs ?? (this.closeCode === SERVICE_RESTART ? RESTART_MS : null);
    this._retryAfterMs = null;
    this._waitIsAsked = asked !== null;
    const attempt = this._attempt++;
    return asked === null ? this._backoff(attempt) : this._random() * asked;
  }

  /** Full jitter: a room that fell together does not come back together. @param {number} attempt */
  _backoff(attempt) {
    return this._random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** attempt);
  }

  // Claims.

  /** @param {Frame} frame @param {number} now */
  _answer(frame, now) {
    const { drop_id, request_id, outcome, retry_after_ms } = frame;
    const isMine = this._errands.waitsFor(drop_id, request_id);
    if (outcome !== "retry" && outcome !== "rate_limited") {
      if (isMine) this._errands.done(drop_id);
      this._emit(this.room.answer(frame));
    } else if (isMine) {
      this._errands.putOff(drop_id, now + (retry_after_ms ?? RETRY_MS));
    }
  }

  /** @param {string} dropId @param {RoomEvent[]} events */
  _settle(dropId, events) {
    this._errands.done(dropId);
    this._emit(events);
  }

  // Effects.

  /** @param {RoomEvent[]} events */
  _emit(events) {
    for (const event of events) this._effects.push({ do: "emit", event });
  }

  /** @param {number} now @returns {Effect[]} */
  _done(now) {
    this._emit(this.room.refresh(now));
    if (this.status !== "stopped") {
      this._effects.push(...this._errands.due(now, this.status === "live"));
      this._wake(now);
    }
    return this._taken();
  }

  /** A later moment than the last one told is not told: the earlier wake finds nothing to do and asks
   * anew. Else every frame would move a timer. @param {number} now */
  _wake(now) {
    const errandAt = this._errands.nextAt(this.status === "live");
    const next = Math.min(this._deadline, this.room.nextChange(now), errandAt);
    if (next >= this._wakeAt && this._wakeAt > now) return;
    this._wakeAt = Math.ceil(next);
    this._effects.push({ do: "wake_at", at: this._wakeAt });
  }

  /** @returns {Effect[]} */
  _taken() {
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
    for (const dropId of session._errands.doneWithAll()) session.room.forgetTap(dropId);
    session._effects.push({ do: "disconnect", code: 1000 });
  },
};

/** @type {Record<string, (session: Session, frame: Frame, now: number) => void>} */
const ON_FRAME = {
  /** Again on a living connection: the server could not heal a gap. Same treatment. */
  welcome(session, frame, now) {
    session._move("welcome", now);
    session._emit(session.room.welcome(frame, now));
    session._errands.rejoined(session.room.unanswered(), now);
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
  presence: (session, frame) => session._emit(session.room.setPresence(frame)),
  claim_result: (session, frame, now) => session._answer(frame, now),
  claim_confirmed: (session, { drop_id, coupon }, now) =>
    session._settle(drop_id, session.room.confirm(drop_id, coupon, now)),
  coupon_changed: (session, frame, now) => session._emit(session.room.changeCoupon(frame, now)),
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
