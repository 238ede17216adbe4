// @ts-check
/**
 * The content of a student's cart, the selected coupons, and whether the balance is used. Stored in
 * this browser for this student only. Knows courses by id and no price.
 */

import { newId } from "./shop-api.js";

/** @typedef {{quantities: [string, number][], ticked: string[], usesBalance: boolean, orderId: string}} Kept */

export class CartModel extends EventTarget {
  /**
   * Dispatches `change` after every change, also of another tab.
   * @param {string} student
   */
  constructor(student) {
    super();
    this._name = `classdrop.basket.${student}`;
    /** Course id -> quantity. @type {Map<string, number>} */
    this.quantities = new Map();
    /** Codes of the selected coupons, the last selected first. @type {string[]} */
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

  /** The lines in the order in which they were added. */
  get lines() {
    return [...this.quantities].map(([course, quantity]) => ({ course, quantity }));
  }

  /** @param {string} course */
  quantityOf(course) {
    return this.quantities.get(course) ?? 0;
  }

  /** @param {string} course @param {number} quantity 0 removes the line */
  put(course, quantity) {
    if (quantity > 0) this.quantities.set(course, quantity);
    else this.quantities.delete(course);
    this._keep();
  }

  /** Remove courses that are no longer sold. @param {(course: string) => boolean} isSold */
  keepOnly(isSold) {
    const gone = [...this.quantities.keys()].filter((course) => !isSold(course));
    if (gone.length === 0) return;
    for (const course of gone) this.quantities.delete(course);
    this._keep();
  }

  /**
   * Select coupons. The last selected comes first: it is kept if two cannot be combined.
   * @param {readonly string[]} codes
   */
  tick(codes) {
    this.ticked = [...new Set(codes)];
    this._keep();
  }

  /** @param {boolean} isUsed */
  useBalance(isUsed) {
    this.usesBalance = isUsed;
    this._keep();
  }

  /** Use a new id for the next order: the last one was paid or cancelled. */
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
      // Storage may be forbidden, or have other content: the cart then starts empty.
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
      // The cart then lasts as long as the page.
    }
    this.dispatchEvent(new Event("change"));
  }
}
