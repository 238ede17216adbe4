// @ts-check
/**
 * The states of the student's coupons: which of two messages is the later one, and what has expired.
 * Called by `room.js`. Pure: no IO, no timer. Twin of `python/coupons.py`.
 *
 * @module
 */

import { instantMs } from "./frames.js";

/** @typedef {import("./shapes.js").Coupon} Coupon */
/** @typedef {import("./shapes.js").CouponChange} CouponChange */

/** A state that is not listed comes from a later server and is ignored. */
const STATES = new Set(["usable", "locked", "redeemed", "expired", "voided"]);
const STATE_FIELDS = new Set(["state", "version", "order_id", "locked_until", "redeemed_at"]);

/**
 * The latest known state of each coupon. Frames may arrive in any order, and a wallet that was read earlier
 * may be handed in later. The version of a coupon counts its changes of state, so the higher version is
 * the later one.
 */
export class Coupons {
  constructor() {
    /** Coupon id to state fields. @type {Map<string, Record<string, any>>} */
    this._latest = new Map();
    /** Coupon id to the version of which events have told. @type {Map<string, number>} */
    this._told = new Map();
  }

  /** Keep the change, and return whether it is newer than what is known. Without a version it is newer.
   * @param {CouponChange} change */
  take(change) {
    const { coupon_id, state, use_by } = change;
    const latest = this._latest.get(coupon_id);
    const version = change.version ?? versionOf(latest) + 1;
    if (!STATES.has(state) || (latest && version <= versionOf(latest))) return false;
    const fields = { ...stateFields(change), version };
    this._latest.set(
      coupon_id,
      Number.isNaN(instantMs(use_by ?? "")) ? fields : { ...fields, use_by },
    );
    return true;
  }

  /** Return whether an event is to tell of this state, once for each version, whoever reports it: a frame, a
   * wallet or a welcome. `isMove` false: it is how a coupon stands, which is no event for one not known before.
   * @param {Pick<CouponChange, "coupon_id"|"version">} change @param {boolean} isMove */
  tell({ coupon_id, version }, isMove) {
    const latest = versionOf(this._latest.get(coupon_id));
    const told = this._told.get(coupon_id);
    if ((version ?? latest) < latest || latest <= (told ?? -1)) return false;
    this._told.set(coupon_id, latest);
    return isMove || told !== undefined;
  }

  /** Return the coupon with its latest known state; a usable one expires by the server's time.
   * @param {Coupon} coupon @param {number} serverNow @returns {Coupon} */
  withLatestState(coupon, serverNow) {
    const latest = this._latest.get(coupon.id);
    if (versionOf(latest) > versionOf(coupon)) {
      const plain = Object.entries(coupon).filter(([name]) => !STATE_FIELDS.has(name));
      coupon = /** @type {Coupon} */ ({ ...Object.fromEntries(plain), ...latest });
    } else {
      this._latest.set(coupon.id, stateFields(coupon));
    }
    return serverNow >= expiresAt(coupon) ? { ...coupon, state: "expired" } : coupon;
  }
}

/** Return the server's time, in ms, at which the coupon expires; Infinity where time does not end it.
 * @param {Coupon|undefined} coupon */
export function expiresAt(coupon) {
  if (!coupon || (coupon.state ?? "usable") !== "usable") return Infinity;
  const at = instantMs(coupon.use_by ?? "");
  return Number.isNaN(at) ? Infinity : at;
}

/** Return how a coupon stands, as a change. @param {Coupon} coupon @param {string} [drop_id] @returns {CouponChange} */
export function changeOf(coupon, drop_id) {
  const { id: coupon_id, state = "usable", use_by } = coupon;
  return {
    coupon_id,
    ...(drop_id === undefined ? {} : { drop_id }),
    ...(use_by === undefined ? {} : { use_by }),
    ...stateFields(coupon),
    state,
  };
}

/** Return whether the two differ in what a page shows. @param {Coupon|undefined} one @param {Coupon|undefined} other */
export function differ(one, other) {
  return JSON.stringify(visible(one)) !== JSON.stringify(visible(other));
}

/** @param {Coupon|undefined} coupon */
const visible = (coupon) => [coupon?.state ?? "usable", versionOf(coupon), coupon?.use_by];

/** @param {Record<string, any>|undefined} fields @returns {number} */
const versionOf = (fields) => (Number.isInteger(fields?.version) ? fields?.version : 0);

/** @param {Record<string, any>} fields */
function stateFields(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => STATE_FIELDS.has(name)));
}
