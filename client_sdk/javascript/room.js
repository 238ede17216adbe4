// @ts-check
/**
 * The room as one person sees it: drops by server time, my claims, presence. Applies what the session
 * hands it and says what changed, as events. Pure: no IO, no timer; `now` is local ms. Must not know
 * how frames come and go. Twin of `python/room.py`.
 *
 * @module
 */

import { Coupons, differ, expiresAt } from "./coupons.js";
import { instantMs } from "./frames.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./shapes.js").Claim} Claim */
/** @typedef {import("./shapes.js").ClaimState} ClaimState */
/** @typedef {import("./shapes.js").Coupon} Coupon */
/** @typedef {import("./shapes.js").Drop} Drop */
/** @typedef {import("./shapes.js").RoomEvent} RoomEvent */

/** A closed drop stays this long, in the server's `welcome` as here. */
const SHOWN_AFTER_CLOSE_MS = 5 * 60_000;

/** What an outcome makes of a claim; a word we do not know yet is `answered`. @type {Record<string, ClaimState>} */
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
};

/** An answer never takes a claim back: a refusal may become a win, not the reverse (promise I4).
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

/** The state of a drop at a moment of server time; `drawing` and what we do not know stay as told.
 * @param {Drop} drop @param {number} serverNow @returns {Drop["state"]} */
export function stateAt(drop, serverNow) {
  if (!["scheduled", "open", "sold_out"].includes(drop.state)) return drop.state;
  if (serverNow >= instantMs(drop.closes_at)) return "closed";
  // "open" is believed before our clock agrees: it runs late by the journey of `welcome`.
  if (drop.state === "scheduled" && serverNow < instantMs(drop.opens_at)) return "scheduled";
  return drop.remaining > 0 ? "open" : "sold_out";
}

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
    /** As the server told them. @type {Map<string, Drop>} */
    this._told = new Map();
    /** The same with the state of this moment. @type {Map<string, Drop>} */
    this.drops = new Map();
    /** By drop. @type {Map<string, Claim>} */
    this.claims = new Map();
    this._coupons = new Coupons();
  }

  /** @param {string} serverNow @param {number} now */
  setClock(serverNow, now) {
    this.clockOffsetMs = instantMs(serverNow) - now;
  }

  /** Everything anew, except claims that still wait for their answer. Tells of `welcome` and of the
   * claims known before that now stand otherwise. @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  welcome(frame, now) {
    this.setClock(frame.now, now);
    this.student = frame.student;
    this.present = frame.present;
    this.epoch = frame.epoch;
    this.offset = frame.offset;
    this._told = new Map();
    this.drops = new Map();
    for (const drop of frame.drops) this._hold(drop, now);
    return [{ type: "welcome" }, ...this._welcomeClaims(frame.claims, now)];
  }

  /** @param {Claim[]} told @param {number} now @returns {RoomEvent[]} */
  _welcomeClaims(told, now) {
    const before = this.claims;
    const unanswered = [...before].filter(([, claim]) => claim.state === "pending");
    this.claims = new Map(unanswered);
    for (const claim of told) {
      const isMine = claim.state === "won" || claim.state === "confirmed";
      if (!isMine && this.claims.has(claim.drop_id)) continue; // an older claim than the one that waits
      const state = Object.prototype.hasOwnProperty.call(RANK, claim.state)
        ? claim.state
        : "answered";
      const coupon = claim.coupon && this._asKnown(claim.coupon, now);
      this.claims.set(
        claim.drop_id,
        asClaim({ ...claim, state, coupon, outcome: isMine ? "won" : undefined }),
      );
    }
    return [...this.claims.values()]
      .filter(
        (claim) => before.has(claim.drop_id) && standsOtherwise(before.get(claim.drop_id), claim),
      )
      .map((claim) => ({ type: "claim", claim }));
  }

  /** Whether an (epoch, offset) frame was applied already; if not, it counts as applied now.
   * @param {Frame} frame */
  isRepeated(frame) {
    if (frame.epoch === this.epoch && frame.offset <= this.offset) return true;
    this.epoch = frame.epoch;
    this.offset = frame.offset;
    return false;
  }

  /** drop_opened, drop_changed. @param {Drop} drop @param {number} now @returns {RoomEvent[]} */
  putDrop(drop, now) {
    const known = this._told.get(drop.id);
    // What only drop_progress tells (an instructor's counters) is kept.
    this._hold({ ...known, ...drop }, now);
    return this._tell(known ? "drop_changed" : "drop_opened", drop.id);
  }

  /** @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  progress({ type, drop_id, ...counts }, now) {
    if (typeof counts.present === "number") this.present = counts.present;
    const known = this._told.get(drop_id);
    if (!known || known.state === "closed") return [];
    this._hold(/** @type {Drop} */ ({ ...known, ...counts }), now);
    return this._tell("drop_progress", drop_id);
  }

  /** @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  closeDrop({ drop_id, reason, closed_at }, now) {
    const known = this._told.get(drop_id);
    if (!known) return [];
    this._hold({ ...known, state: "closed", closed_at, close_reason: reason }, now);
    return this._tell("drop_closed", drop_id);
  }

  /** @param {Frame} frame @returns {RoomEvent[]} */
  setPresence({ present }) {
    this.present = present;
    return [{ type: "presence", present }];
  }

  /** A tap: pending, unless there is nothing to ask for. @param {string} drop_id @param {string} request_id */
  tap(drop_id, request_id) {
    const known = this.claims.get(drop_id);
    if (known && ["pending", "won", "confirmed", "entered"].includes(known.state)) return [];
    return this._put({ drop_id, request_id, state: "pending" });
  }

  /** A final claim_result, from socket or HTTP. Late, repeated and lesser answers change nothing.
   * @param {Frame} frame @returns {RoomEvent[]} */
  answer({ drop_id, request_id, outcome, coupon_id, limit }) {
    const known = this.claims.get(drop_id);
    const state = Object.prototype.hasOwnProperty.call(STATE_AFTER, outcome)
      ? STATE_AFTER[outcome]
      : "answered";
    if (!known && state !== "won") return [];
    if (known?.request_id && known.request_id !== request_id) return [];
    if (known && RANK[state] <= RANK[known.state]) return [];
    return this._put(asClaim({ drop_id, request_id, state, outcome, coupon_id, limit }));
  }

  /** The drops I tapped and do not know about. */
  unanswered() {
    return new Set(
      [...this.claims].filter(([, claim]) => claim.state === "pending").map(([id]) => id),
    );
  }

  /** HTTP said something about an unanswered tap that asking again will not change.
   * @param {string} drop_id @param {string} code */
  refuse(drop_id, code) {
    return this._put(
      asClaim({ ...this.claims.get(drop_id), drop_id, state: "refused", outcome: code }),
    );
  }

  /** May come before the claim_result, and on connections that did not ask.
   * @param {string} drop_id @param {Coupon} told @param {number} now @returns {RoomEvent[]} */
  confirm(drop_id, told, now) {
    const known = this.claims.get(drop_id);
    const coupon = this._asKnown(told, now);
    // Repeated, or overtaken by what became of this coupon later.
    const isPast = known && RANK[known.state] >= RANK.confirmed && known.coupon_id === coupon.id;
    const isMoved = known?.coupon !== undefined && differ(known.coupon, coupon);
    if (isPast && !isMoved) return [];
    const { request_id, outcome = "won", won_at } = known ?? {};
    return this._put(
      asClaim({
        drop_id,
        request_id,
        outcome,
        won_at,
        state: "confirmed",
        coupon,
        coupon_id: coupon.id,
      }),
    );
  }

  /** claim_revoked, coupon_released. A claim that waits for its answer is answered anyway.
   * @param {"revoked"|"released"} state @param {Frame} frame @returns {RoomEvent[]} */
  takeBack(state, { drop_id, coupon_id, reason }) {
    const known = this.claims.get(drop_id);
    if (known?.state === "pending" || known?.state === state) return [];
    if (known?.coupon_id && coupon_id && known.coupon_id !== coupon_id) return [];
    const id = coupon_id ?? known?.coupon_id;
    return this._put(
      asClaim({ ...known, drop_id, state, coupon_id: id, coupon: undefined, reason }),
    );
  }

  /** coupon_changed: of a claim of mine, or of a coupon that no drop gave. What is older than what is known
   * changes nothing. @param {Frame} frame @param {number} now @returns {RoomEvent[]} */
  changeCoupon({ type, ...told }, now) {
    const change = /** @type {import("./shapes.js").CouponChange} */ (told);
    if (!this._coupons.take(change)) return [];
    return [...this._showChange(change.coupon_id, now), { type: "coupon", coupon: change }];
  }

  /** What a wallet says of my coupons, for those that claims gave.
   * @param {import("./shapes.js").WalletCoupon[]} coupons @param {number} now @returns {RoomEvent[]} */
  learn(coupons, now) {
    const changes = coupons.map(({ id, version = 0, ...coupon }) => ({
      ...coupon,
      version,
      coupon_id: id,
    }));
    return changes.flatMap((change) =>
      this._coupons.take(change) ? this._showChange(change.coupon_id, now) : [],
    );
  }

  /** @param {string} couponId @param {number} now @returns {RoomEvent[]} */
  _showChange(couponId, now) {
    for (const claim of this.claims.values()) {
      if (claim.coupon?.id === couponId)
        return this._put({ ...claim, coupon: this._asKnown(claim.coupon, now) });
    }
    return [];
  }

  /** @param {Coupon} coupon @param {number} now */
  _asKnown(coupon, now) {
    return this._coupons.asKnown(coupon, now + this.clockOffsetMs);
  }

  /** Nobody waits for the answer of an unanswered tap any more. @param {string} drop_id */
  forgetTap(drop_id) {
    this.claims.delete(drop_id);
  }

  /** Server time went on: drops open and close by it, old ones go, coupons expire. @param {number} now @returns {RoomEvent[]} */
  refresh(now) {
    /** @type {RoomEvent[]} */
    const events = [];
    for (const [id, drop] of this._told) {
      if (now >= this._goneAt(drop)) {
        events.push(...this._tell("drop_removed", id));
        this._dropOut(id);
      } else if (this._shownAt(drop, now) !== this.drops.get(id)?.state) {
        this._hold(drop, now);
        events.push(...this._tell("drop_changed", id));
      }
    }
    for (const claim of this.claims.values()) {
      if (claim.coupon && now >= expiresAt(claim.coupon) - this.clockOffsetMs) {
        events.push(...this._put({ ...claim, coupon: this._asKnown(claim.coupon, now) }));
      }
    }
    return events;
  }

  /** @param {string} id */
  _dropOut(id) {
    this._told.delete(id);
    this.drops.delete(id);
    if (this.claims.get(id)?.state !== "pending") this.claims.delete(id);
  }

  /** Local ms of the next moment at which `refresh` has something to do; Infinity if none.
   * @param {number} now */
  nextChange(now) {
    const drops = [...this._told.values()];
    const moments = drops.flatMap((drop) => [
      this._local(drop.opens_at),
      this._local(drop.closes_at),
      this._goneAt(drop),
    ]);
    for (const { coupon } of this.claims.values())
      moments.push(expiresAt(coupon) - this.clockOffsetMs);
    return Math.min(Infinity, ...moments.filter((moment) => moment > now));
  }

  /** @param {Drop} drop */
  _goneAt(drop) {
    return this._local(drop.closed_at ?? drop.closes_at) + SHOWN_AFTER_CLOSE_MS;
  }

  /** @param {string} instant */
  _local(instant) {
    return instantMs(instant) - this.clockOffsetMs;
  }

  /** @param {Drop} told @param {number} now */
  _hold(told, now) {
    this._told.set(told.id, told);
    this.drops.set(told.id, { ...told, state: this._shownAt(told, now) });
  }

  /** @param {Drop} told @param {number} now */
  _shownAt(told, now) {
    return stateAt(told, now + this.clockOffsetMs);
  }

  /** @param {import("./shapes.js").DropEvent["type"]} type @param {string} id @returns {RoomEvent[]} */
  _tell(type, id) {
    const drop = this.drops.get(id);
    return drop ? [{ type, drop }] : [];
  }

  /** @param {Claim} claim @returns {RoomEvent[]} */
  _put(claim) {
    this.claims.set(claim.drop_id, claim);
    return [{ type: "claim", claim }];
  }
}

/** @param {Claim|undefined} before @param {Claim} now */
function standsOtherwise(before, now) {
  return before?.state !== now.state || differ(before.coupon, now.coupon);
}

/** Known fields only, absent ones left out. @param {Claim} claim @returns {Claim} */
function asClaim(claim) {
  const { drop_id, state, request_id, outcome, limit, won_at, coupon, reason } = claim;
  const coupon_id = coupon?.id ?? claim.coupon_id;
  const fields = { drop_id, state, request_id, outcome, limit, won_at, coupon_id, coupon, reason };
  return /** @type {Claim} */ (
    Object.fromEntries(
      Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
    )
  );
}
