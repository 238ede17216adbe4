// @ts-check
/**
 * How my coupons stand: which of two words about one coupon is the later one, and what time makes of it.
 * Used by `room.js`. Pure: no IO, no timer. Twin of `python/coupons.py`.
 *
 * @module
 */

import { instantMs } from "./frames.js";

/** @typedef {import("./shapes.js").Coupon} Coupon */
/** @typedef {import("./shapes.js").CouponChange} CouponChange */

/** A word we do not know is ignored. */
const STATES = new Set(["usable", "locked", "redeemed", "expired", "voided"]);
const STANDING = new Set(["state", "version", "order_id", "locked_until", "redeemed_at"]);

export class Coupons {
  constructor() {
    /** By coupon id: how it stands. @type {Map<string, Record<string, any>>} */
    this._latest = new Map();
  }

  /** Whether this says something new. Its version says so; without one it is believed.
   * @param {CouponChange} change */
  take(change) {
    const { coupon_id, state, use_by } = change;
    const known = versionOf(this._latest.get(coupon_id));
    const version = change.version ?? known + 1;
    if (!STATES.has(state) || version <= known) return false;
    const standing = { ...standingOf(change), version };
    this._latest.set(
      coupon_id,
      Number.isNaN(instantMs(use_by ?? "")) ? standing : { ...standing, use_by },
    );
    return true;
  }

  /** The coupon as it was told, or as a later word said; a usable one is expired by server time.
   * @param {Coupon} coupon @param {number} serverNow @returns {Coupon} */
  asKnown(coupon, serverNow) {
    const latest = this._latest.get(coupon.id);
    if (versionOf(latest) > versionOf(coupon)) {
      const plain = Object.entries(coupon).filter(([name]) => !STANDING.has(name));
      coupon = /** @type {Coupon} */ ({ ...Object.fromEntries(plain), ...latest });
    } else {
      this._latest.set(coupon.id, standingOf(coupon));
    }
    return serverNow >= expiresAt(coupon) ? { ...coupon, state: "expired" } : coupon;
  }
}

/** The moment of server time, in ms, at which it expires; Infinity where it does not by itself.
 * @param {Coupon|undefined} coupon */
export function expiresAt(coupon) {
  if (!coupon || (coupon.state ?? "usable") !== "usable") return Infinity;
  const at = instantMs(coupon.use_by ?? "");
  return Number.isNaN(at) ? Infinity : at;
}

/** Whether a page has to show something else. @param {Coupon|undefined} one @param {Coupon|undefined} other */
export function differ(one, other) {
  return JSON.stringify(shown(one)) !== JSON.stringify(shown(other));
}

/** @param {Coupon|undefined} coupon */
const shown = (coupon) => [coupon?.state ?? "usable", versionOf(coupon), coupon?.use_by];

/** @param {Record<string, any>|undefined} fields @returns {number} */
const versionOf = (fields) => (Number.isInteger(fields?.version) ? fields?.version : 0);

/** @param {Record<string, any>} fields */
function standingOf(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => STANDING.has(name)));
}
