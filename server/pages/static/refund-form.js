// @ts-check
/** What an operator pays back: so many pieces of each line. The server says what that comes to. */

import { h, setText, show } from "/sdk/element/dom.js";
import { returnedOf } from "./order-view.js";
import { newId } from "./shop-api.js";

/** @typedef {import("./language.js").Language} Language */
/** @typedef {import("./shop-api.js").Order} Order */
/** @typedef {{refund_id: string, lines: {id: string, quantity: number}[]}} RefundBody */

export class RefundForm {
  /**
   * @param {Language} language
   * @param {(body: RefundBody) => Promise<boolean>} refund whether it was done
   */
  constructor(language, refund) {
    this._language = language;
    this._refund = refund;
    /** @type {Map<string, number>} pieces by line */
    this._chosen = new Map();
    this._id = newId("rfd");
    this._isBusy = false;
    this._list = element("refund-lines");
    this._button = element("refund");
    this._all = element("refund-all");
    this._button.addEventListener("click", () => void this._press());
    this._all.addEventListener("click", () => this._chooseAll());
  }

  /** @param {Order} order */
  show(order) {
    this._order = order;
    const open = order.lines.filter((line) => left(order, line) > 0);
    show(element("refund-panel"), order.state === "redeemed" && open.length > 0);
    const focused = document.activeElement?.getAttribute("aria-label");
    this._list.replaceChildren(...open.map((line) => this._row(order, line)));
    const again = [...this._list.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === focused);
    again?.focus();
    const pieces = [...this._chosen.values()].reduce((sum, n) => sum + n, 0);
    setText(this._button, this._language.say(pieces ? "refund_press" : "refund_none", { n: pieces }));
    this._button.setAttribute("aria-disabled", String(pieces === 0 || this._isBusy));
  }

  /** @param {Order} order @param {import("./shop-api.js").Line} line */
  _row(order, line) {
    const name = line.name[this._language.current];
    const most = left(order, line);
    const chosen = this._chosen.get(line.id) ?? 0;
    const step = (/** @type {number} */ by, /** @type {string} */ key, /** @type {string} */ sign) =>
      h("button", {
        type: "button", class: "step", "aria-label": this._language.say(key, { name }),
        "aria-disabled": String(chosen + by < 0 || chosen + by > most),
        onclick: () => this._choose(line.id, Math.min(most, Math.max(0, chosen + by))),
      }, sign);
    return h("li", { class: "line", "data-refund": line.id },
      h("div", { class: "what" }, h("strong", null, name),
        h("span", { class: "hint" }, this._language.say("refund_left", { n: most }))),
      h("div", { class: "steps", role: "group" },
        step(-1, "refund_fewer", "−"), h("output", { class: "figure" }, String(chosen)), step(1, "refund_more", "+")));
  }

  /** @param {string} id @param {number} pieces */
  _choose(id, pieces) {
    this._chosen.set(id, pieces);
    if (this._order) this.show(this._order);
  }

  _chooseAll() {
    if (!this._order) return;
    for (const line of this._order.lines) this._chosen.set(line.id, left(this._order, line));
    this.show(this._order);
  }

  /** The same id until it is done: pressed twice, or again after a lost answer, it pays back once. */
  async _press() {
    const lines = [...this._chosen].filter(([, quantity]) => quantity > 0).map(([id, quantity]) => ({ id, quantity }));
    if (lines.length === 0 || this._isBusy) return;
    this._isBusy = true;
    this._button.setAttribute("aria-disabled", "true");
    const isDone = await this._refund({ refund_id: this._id, lines });
    this._isBusy = false;
    if (isDone) {
      this._id = newId("rfd");
      this._chosen.clear();
    }
    if (this._order) this.show(this._order);
  }
}

/** Pieces that can still come back. @param {Order} order @param {import("./shop-api.js").Line} line */
function left(order, line) {
  return Math.max(0, line.quantity - returnedOf(order, line.id).quantity);
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
