// @ts-check
/**
 * The state of a room for one person: drops by the server's time, the person's claims, presence.
 * `session.js` applies frames to it, and passes on the events that it returns. Pure: no IO, no timer;
 * `now` is local ms. Must not know how frames come and go. Twin of `python/room.py`.
 *
 * @module
 */

import { changeOf, Coupons, differ, expiresAt } from "./coupons.js";
import { instantMs } from "./frames.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./shapes.js").Claim} Claim */
/** @typedef {import("./shapes.js").ClaimState} ClaimState */
/** @typedef {import("./shapes.js").Coupon} Coupon */
/** @typedef {import("./shapes.js").Drop} Drop */
/** @typedef {import("./shapes.js").RoomEvent} RoomEvent */

/** A closed drop stays visible this long, here as in the server's `welcome` (PROTOCOL.md). */
const KEPT_AFTER_CLOSE_MS = 5 * 60_000;

const END_FIELDS = new Set(["closed_at", "close_reason", "seal"]);

/** Ids of messages that are remembered, so that a repetition is not shown again. */
const MESSAGES_REMEMBERED = 100;

/** The state of a claim after an outcome. An outcome that is not listed leads to `answered`. @type {Record<string, ClaimState>} */
const STATE_AFTER = {
  won: "won",
  already_won: "won",
  entered: "entered",
  released: "released",
  limit_reached: "refused",
  sold_out: "refused",
  not_open: "refused",
  closed: "refused",
  not_eligible: "refused",
  blocked: "refused",
  task_open: "refused",
};

/** A reply changes a claim only to a higher rank: a refusal may become a win, never the reverse (promise
 * I4). Replies may arrive late, twice and over two ways.
 * @type {Record<ClaimState, number>} */
const RANK = {
  pending: 0,
  answered: 1,
  entered: 1,
  refused: 1,
  won: 2,
  confirmed: 3,
  released: 4,
  revoked: 4,
};

/** Return the state of a drop at a time of the server, in ms. Only scheduled, open and sold_out change
 * with time; every other state stays as the server sent it.
 * @param {Drop} drop @param {number} serverNow @returns {Drop["state"]} */
export function stateAt(drop, serverNow) {
  if (!["scheduled", "open", "sold_out"].includes(drop.state)) return drop.state;
  const isDraw = drop.mode === "draw";
  if (drop.closes_at !== null && serverNow >= instantMs(drop.closes_at))
    return isDraw ? "drawing" : "closed";
  // A drop that the server sent as open is open even if `opens_at` is ahead: our estimate of the server's
  // clock is late by the time that `welcome` took to arrive.
  if (drop.state === "scheduled" && serverNow < instantMs(drop.opens_at)) return "scheduled";
  return drop.remaining > 0 || isDraw ? "open" : "sold_out";
}

/** The room's drops, the person's claims and the server's clock. Every method that changes something
 * returns the events that tell of it. */
export class Room {
  /** @param {string} room */
  constructor(room) {
    this.room = room;
    /** @type {string|null} */
    this.student = null;
    this.present = 0;
    this.clockOffsetMs = 0;
    /** @type {string|null} */
    this.epoch = null;
    this.offset = 0;
    /** The drops as the server sent them, by id. @type {Map<string, Drop>} */
    this._received = new Map();
    /** The same, with the state of now. @type {Map<string, Drop>} */
    this.drops = new Map();
    /** Keyed by drop id. @type {Map<string, Claim>} */
    this.claims = new Map();
    /** Keyed by drop id. @type {Map<string, import("./shapes.js").TaskProgress>} */
    this.tasks = new Map();
    this._coupons = new Coupons();
    /** @type {Set<string>} ids, oldest first */
    this._messages = new Set();
  }

  /** Set the difference between the server's clock and ours from a time that has just arrived.
   * @param {string} serverNow @param {number} now */
  setClock(serverNow, now) {
    this.clockOffsetMs = instantMs(serverNow) - now;
  }

  /** Replace everything except claims that still wait for their reply. The events are `welcome`, a `claim`
   * for each claim that was known and has changed, and a `coupon` for each coupon that has moved. @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  welcome(frame, now) {
    this.setClock(frame.now, now);
    this.student = frame.student;
    this.present = frame.present;
    this.epoch = frame.epoch;
    this.offset = frame.offset;
    this._received = new Map();
    this.drops = new Map();
    this.tasks = new Map((frame.tasks ?? []).map((/** @type {any} */ one) => [one.drop_id, one]));
    for (const drop of frame.drops) this._storeDrop(drop, now);
    return [{ type: "welcome" }, ...this._replaceClaims(frame.claims, now)];
  }

  /** @param {Claim[]} sent @param {number} now @returns {RoomEvent[]} */
  _replaceClaims(sent, now) {
    const before = this.claims;
    const unanswered = [...before].filter(([, claim]) => claim.state === "pending");
    this.claims = new Map(unanswered);
    for (const claim of sent) {
      const isMine = claim.state === "won" || claim.state === "confirmed";
      if (!isMine && this.claims.has(claim.drop_id)) continue; // it is older than the claim that waits
      const state = Object.prototype.hasOwnProperty.call(RANK, claim.state)
        ? claim.state
        : "answered";
      const coupon = claim.coupon && this._withLatestState(claim.coupon, now);
      this.claims.set(
        claim.drop_id,
        asClaim({ ...claim, state, coupon, outcome: isMine ? "won" : undefined }),
      );
    }
    return [...this.claims.values()].flatMap((claim) => {
      const isNews = before.has(claim.drop_id) && hasChanged(before.get(claim.drop_id), claim);
      /** @type {RoomEvent[]} */
      const events = isNews ? [{ type: "claim", claim }] : [];
      return [...events, ...this._couponEvent(claim)];
    });
  }

  /** Return whether the frame was applied already; if not, it counts as applied now. Offsets grow
   * within an epoch; in another epoch they start anew.
   * @param {Frame} frame */
  isRepeated(frame) {
    if (frame.epoch === this.epoch && frame.offset <= this.offset) return true;
    this.epoch = frame.epoch;
    this.offset = frame.offset;
    return false;
  }

  /** Apply a drop of a drop_opened or drop_changed frame. @param {Drop} drop @param {number} now @returns {RoomEvent[]} */
  putDrop(drop, now) {
    const known = this._received.get(drop.id);
    // These frames have no counters: keep those that an instructor's drop_progress brought. Nothing is kept of an
    // end, because the drop may be open again.
    const kept = Object.entries(known ?? {}).filter(([name]) => !END_FIELDS.has(name));
    this._storeDrop(/** @type {Drop} */ ({ ...Object.fromEntries(kept), ...drop }), now);
    return this._dropEvent(known ? "drop_changed" : "drop_opened", drop.id);
  }

  /** @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  progress({ type, drop_id, ...counts }, now) {
    if (typeof counts.present === "number") this.present = counts.present;
    const known = this._received.get(drop_id);
    if (!known || ["closed", "aborted"].includes(known.state)) return [];
    this._storeDrop(/** @type {Drop} */ ({ ...known, ...counts }), now);
    return this._dropEvent("drop_progress", drop_id);
  }

  /** @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  closeDrop({ drop_id, reason, closed_at }, now) {
    const known = this._received.get(drop_id);
    if (!known) return [];
    const state = reason === "aborted" ? "aborted" : "closed";
    this._storeDrop({ ...known, state, closed_at, close_reason: reason }, now);
    return this._dropEvent("drop_closed", drop_id);
  }

  /** No claim of this closed drop can change any more. @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  sealDrop({ drop_id, seal }, now) {
    const known = this._received.get(drop_id);
    if (!known) return [];
    this._storeDrop({ ...known, seal }, now);
    return this._dropEvent("drop_changed", drop_id);
  }

  /** Nobody can enter any more. @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  sealDraw({ drop_id, entries, root }, now) {
    return this._changeDraw(drop_id, { entries, root }, now);
  }

  /** @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  finishDraw({ drop_id, seed, winners }, now) {
    return this._changeDraw(drop_id, { seed, winners }, now);
  }

  /** @param {string} dropId @param {object} known @param {number} now @returns {RoomEvent[]} */
  _changeDraw(dropId, known, now) {
    const drop = this._received.get(dropId);
    if (!drop) return [];
    const draw = /** @type {import("./shapes.js").DrawCard} */ ({ ...drop.draw, ...known });
    this._storeDrop({ ...drop, state: "drawing", draw }, now);
    return this._dropEvent("drop_changed", dropId);
  }

  /** Return the mode of a drop that the room shows. @param {string} dropId */
  modeOf(dropId) {
    return this._received.get(dropId)?.mode;
  }

  /** @param {Frame} frame @returns {RoomEvent[]} */
  setPresence({ present }) {
    this.present = present;
    return [{ type: "presence", present }];
  }

  /** Make the claim of this drop pending; return no event where the tap has nothing to ask for.
   * @param {string} drop_id @param {string} request_id */
  tap(drop_id, request_id) {
    const known = this.claims.get(drop_id);
    if (known && ["pending", "won", "confirmed", "entered"].includes(known.state)) return [];
    return this._setClaim({ drop_id, request_id, state: "pending" });
  }

  /** Apply a final claim_result, from the socket or from HTTP. A reply that is late, repeated or of a lower
   * rank than the claim's state changes nothing.
   * @param {Frame} frame @returns {RoomEvent[]} */
  answer({ drop_id, request_id, outcome, coupon_id, limit, why, receipt }) {
    const known = this.claims.get(drop_id);
    const state = Object.prototype.hasOwnProperty.call(STATE_AFTER, outcome)
      ? STATE_AFTER[outcome]
      : "answered";
    if (!known && state !== "won") return [];
    if (known?.request_id && known.request_id !== request_id) return [];
    if (known && RANK[state] <= RANK[known.state]) return [];
    return this._setClaim(
      asClaim({ drop_id, request_id, state, outcome, coupon_id, limit, why, receipt }),
    );
  }

  /** Return the ids of the drops whose claim waits for its reply. */
  unanswered() {
    return new Set(
      [...this.claims].filter(([, claim]) => claim.state === "pending").map(([id]) => id),
    );
  }

  /** Refuse a pending claim with an error code of HTTP that a repetition would not change.
   * @param {string} drop_id @param {string} code */
  refuse(drop_id, code) {
    return this._setClaim(
      asClaim({ ...this.claims.get(drop_id), drop_id, state: "refused", outcome: code }),
    );
  }

  /** Confirm a claim with its coupon. This may come before the claim_result, and on a connection that did
   * not claim: every device of the student receives it.
   * @param {string} drop_id @param {Coupon} sent @param {number} now @returns {RoomEvent[]} */
  confirm(drop_id, sent, now) {
    const known = this.claims.get(drop_id);
    const coupon = this._withLatestState(sent, now);
    // The frame is a repetition, or a later state of this coupon is known.
    const isPast = known && RANK[known.state] >= RANK.confirmed && known.coupon_id === coupon.id;
    const isMoved = known?.coupon !== undefined && differ(known.coupon, coupon);
    if (isPast && !isMoved) return [];
    const { request_id, outcome = "won", won_at, receipt } = known ?? {};
    const claim = asClaim({
      drop_id,
      request_id,
      outcome,
      won_at,
      state: "confirmed",
      coupon,
      coupon_id: coupon.id,
      receipt,
    });
    return [...this._setClaim(claim), ...this._couponEvent(claim)];
  }

  /** Apply a claim_revoked or coupon_released frame. A pending claim stays pending, because it is a new one
   * and its own reply follows.
   * @param {"revoked"|"released"} state @param {Frame} frame @returns {RoomEvent[]} */
  takeBack(state, { drop_id, coupon_id, reason }) {
    const known = this.claims.get(drop_id);
    if (known?.state === "pending" || known?.state === state) return [];
    if (known?.coupon_id && coupon_id && known.coupon_id !== coupon_id) return [];
    const id = coupon_id ?? known?.coupon_id;
    return this._setClaim(
      asClaim({ ...known, drop_id, state, coupon_id: id, coupon: undefined, reason }),
    );
  }

  /** Apply a coupon_changed frame; it changes nothing where a later state is known. A wallet or a welcome may
   * have told of it. @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  changeCoupon({ type, ...fields }, now) {
    const change = /** @type {import("./shapes.js").CouponChange} */ (fields);
    const shown = this._coupons.take(change) ? this._showChange(change.coupon_id, now) : [];
    return this._coupons.tell(change, true)
      ? [...shown, { type: "coupon", coupon: change }]
      : shown;
  }

  /** Apply a task_progress frame, or the reply to a call of a task. Once the task is done, a claim that was
   * refused for it is forgotten: the student may tap again. @param {any} frame @returns {RoomEvent[]} */
  taskProgress({ type, ...fields }) {
    const task = /** @type {import("./shapes.js").TaskProgress} */ (fields);
    if (JSON.stringify(this.tasks.get(task.drop_id)) === JSON.stringify(task)) return [];
    this.tasks.set(task.drop_id, task);
    const claim = this.claims.get(task.drop_id);
    if (task.passed && claim?.outcome === "task_open") this.claims.delete(task.drop_id);
    return [{ type: "task", task }];
  }

  /** Apply a message frame; a repetition changes nothing. @param {Frame} frame @returns {RoomEvent[]} */
  takeMessage({ type, ...fields }) {
    const message = /** @type {import("./shapes.js").RoomMessage} */ (fields);
    if (this._messages.has(message.id)) return [];
    this._messages.add(message.id);
    if (this._messages.size > MESSAGES_REMEMBERED) {
      this._messages.delete(this._messages.values().next().value ?? "");
    }
    return [{ type: "message", message }];
  }

  /** Apply the states of a wallet to the coupons that claims gave. The events tell of coupons that have moved
   * since something was known of them.
   * @param {import("./shapes.js").WalletCoupon[]} coupons @param {number} now @returns {RoomEvent[]} */
  learn(coupons, now) {
    return coupons.flatMap(({ version = 0, ...coupon }) => {
      const change = changeOf({ ...coupon, version }, coupon.drop_id);
      if (!this._coupons.take(change)) return [];
      const shown = this._showChange(coupon.id, now);
      return this._coupons.tell(change, false)
        ? [...shown, /** @type {RoomEvent} */ ({ type: "coupon", coupon: change })]
        : shown;
    });
  }

  /** Return the event of a coupon that a claim shows in a later state. @param {Claim} claim @returns {RoomEvent[]} */
  _couponEvent({ coupon, drop_id }) {
    if (!coupon) return [];
    const change = changeOf(coupon, drop_id);
    return this._coupons.tell(change, false) ? [{ type: "coupon", coupon: change }] : [];
  }

  /** @param {string} couponId @param {number} now @returns {RoomEvent[]} */
  _showChange(couponId, now) {
    for (const claim of this.claims.values()) {
      if (claim.coupon?.id === couponId)
        return this._setClaim({ ...claim, coupon: this._withLatestState(claim.coupon, now) });
    }
    return [];
  }

  /** @param {Coupon} coupon @param {number} now */
  _withLatestState(coupon, now) {
    return this._coupons.withLatestState(coupon, now + this.clockOffsetMs);
  }

  /** Remove the pending claim of this drop: its caller no longer waits. @param {string} drop_id */
  forgetTap(drop_id) {
    this.claims.delete(drop_id);
  }

  /** Apply the time that has passed: open, close and remove drops, and expire coupons.
   * @param {number} now @returns {RoomEvent[]} */
  refresh(now) {
    /** @type {RoomEvent[]} */
    const events = [];
    for (const [id, drop] of this._received) {
      if (now >= this._removedAt(drop)) {
        events.push(...this._dropEvent("drop_removed", id));
        this._removeDrop(id);
      } else if (this._currentState(drop, now) !== this.drops.get(id)?.state) {
        this._storeDrop(drop, now);
        events.push(...this._dropEvent("drop_changed", id));
      }
    }
    for (const claim of this.claims.values()) {
      if (claim.coupon && now >= expiresAt(claim.coupon) - this.clockOffsetMs) {
        events.push(
          ...this._setClaim({ ...claim, coupon: this._withLatestState(claim.coupon, now) }),
        );
      }
    }
    return events;
  }

  /** @param {string} id */
  _removeDrop(id) {
    this._received.delete(id);
    this.drops.delete(id);
    this.tasks.delete(id);
    if (this.claims.get(id)?.state !== "pending") this.claims.delete(id);
  }

  /** Return the local ms at which `refresh` has something to do next; Infinity if never.
   * @param {number} now */
  nextChange(now) {
    const drops = [...this._received.values()];
    const moments = drops.flatMap((drop) => [
      this._local(drop.opens_at),
      drop.closes_at === null ? Infinity : this._local(drop.closes_at),
      this._removedAt(drop),
    ]);
    for (const { coupon } of this.claims.values())
      moments.push(expiresAt(coupon) - this.clockOffsetMs);
    return Math.min(Infinity, ...moments.filter((moment) => moment > now));
  }

  /** @param {Drop} drop */
  _removedAt(drop) {
    const endedAt = drop.closed_at ?? drop.closes_at;
    return endedAt === null ? Infinity : this._local(endedAt) + KEPT_AFTER_CLOSE_MS;
  }

  /** @param {string} instant */
  _local(instant) {
    return instantMs(instant) - this.clockOffsetMs;
  }

  /** @param {Drop} drop @param {number} now */
  _storeDrop(drop, now) {
    this._received.set(drop.id, drop);
    this.drops.set(drop.id, { ...drop, state: this._currentState(drop, now) });
  }

  /** @param {Drop} told @param {number} now */
  _currentState(told, now) {
    return stateAt(told, now + this.clockOffsetMs);
  }

  /** @param {import("./shapes.js").DropEvent["type"]} type @param {string} id @returns {RoomEvent[]} */
  _dropEvent(type, id) {
    const drop = this.drops.get(id);
    return drop ? [{ type, drop }] : [];
  }

  /** @param {Claim} claim @returns {RoomEvent[]} */
  _setClaim(claim) {
    this.claims.set(claim.drop_id, claim);
    return [{ type: "claim", claim }];
  }
}

/** @param {Claim|undefined} before @param {Claim} now */
function hasChanged(before, now) {
  return before?.state !== now.state || differ(before.coupon, now.coupon);
}

/** Known fields only, absent ones left out. @param {Claim} claim @returns {Claim} */
function asClaim(claim) {
  const { drop_id, state, request_id, outcome, limit, why, won_at, coupon, reason, receipt } =
    claim;
  const coupon_id = coupon?.id ?? claim.coupon_id;
  const fields = {
    drop_id,
    state,
    request_id,
    outcome,
    limit,
    why,
    won_at,
    coupon_id,
    coupon,
    reason,
    receipt,
  };
  return /** @type {Claim} */ (
    Object.fromEntries(
      Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
    )
  );
}
