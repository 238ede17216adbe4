// @ts-check
/**
 * What a student has put in the cart, which coupons they ticked and whether their balance, kept in this browser for them alone.
 * Knows courses by id and no price.
 */

import { newId } from "./shop-api.js";

/** @typedef {{quantities: [string, number][], ticked: string[], usesBalance: boolean, orderId: string}} Kept */

export class CartModel extends EventTarget {
  /**
   * Says `change` after every change, in another tab too.
   * @param {string} student
   */
  constructor(student) {
    super();
    this._name = `classdrop.basket.${student}`;
    /** Course id to quantity. @type {Map<string, number>} */
    this.quantities = new Map();
    /** Codes of coupons, the one ticked last first. @type {string[]} */
    this.ticked = [];
    this.usesBalance = false;
    this.orderId = "";
    this._read();
    addEventListener("storage", ({ key }) => {
      if (key !== this._name) return;
      this._read();
      this.dispatchEvent(new Event("change"));
    });
  }

  get isEmpty() {
    return this.quantities.size === 0;
  }

  /** In the order they were put in. */
  get lines() {
    return [...this.quantities].map(([course, quantity]) => ({ course, quantity }));
  }

  /** @param {string} course */
  quantityOf(course) {
    return this.quantities.get(course) ?? 0;
  }

  /** @param {string} course @param {number} quantity 0 takes it out */
  put(course, quantity) {
    if (quantity > 0) this.quantities.set(course, quantity);
    else this.quantities.delete(course);
    this._keep();
  }

  /** Courses that are sold no more. @param {(course: string) => boolean} isSold */
  keepOnly(isSold) {
    const gone = [...this.quantities.keys()].filter((course) => !isSold(course));
    if (gone.length === 0) return;
    for (const course of gone) this.quantities.delete(course);
    this._keep();
  }

  /** The one ticked last stands first: it stays where two cannot be combined.
   * @param {readonly string[]} codes */
  tick(codes) {
    this.ticked = [...new Set(codes)];
    this._keep();
  }

  /** @param {boolean} isUsed */
  useBalance(isUsed) {
    this.usesBalance = isUsed;
    this._keep();
  }

  /** The next order is another one: the last was paid, or is off. */
  renewOrder() {
    this.orderId = newId("ord");
    this._keep();
  }

  clear() {
    this.quantities.clear();
    this.ticked = [];
    this.usesBalance = false;
    this.renewOrder();
  }

  _read() {
    /** @type {Partial<Kept>} */
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem(this._name) ?? "{}");
    } catch {
      // Storage may be forbidden, or hold something else: the cart then starts empty.
    }
    this.quantities = new Map(Array.isArray(kept.quantities) ? kept.quantities : []);
    this.ticked = Array.isArray(kept.ticked) ? kept.ticked.map(String) : [];
    this.usesBalance = kept.usesBalance === true;
    this.orderId = typeof kept.orderId === "string" ? kept.orderId : newId("ord");
  }

  _keep() {
    const { ticked, usesBalance, orderId } = this;
    /** @type {Kept} */
    const kept = { quantities: [...this.quantities], ticked, usesBalance, orderId };
    try {
      localStorage.setItem(this._name, JSON.stringify(kept));
    } catch {
      // It then lives as long as the page.
    }
    this.dispatchEvent(new Event("change"));
  }
}
