// @ts-check
/** The lines of the cart: quantities to change, and each line's share of the discount. */

import { h, setText, show } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";
import { COURSES, CURRENCY, MOST_OF_ONE } from "./shop.js";

/** @typedef {import("./language.js").Language} Language */
/** @typedef {import("./shop.js").Course} Course */
/** @typedef {import("/sdk/shapes.js").PricedLine} PricedLine */

class Line {
  /**
   * @param {Course} course
   * @param {(step: number) => void} step
   */
  constructor(course, step) {
    this.course = course;
    this.name = h("strong");
    this.price = h("span", { class: "hint" });
    this.fewer = h("button", { type: "button", class: "step", onclick: () => step(-1) }, "−");
    this.count = h("output", { class: "figure" });
    this.more = h("button", { type: "button", class: "step", onclick: () => step(1) }, "+");
    this.amount = h("span", { class: "figure amount" });
    this.share = h("span", { class: "figure share" });
    this.root = h("li", { class: "line", "data-course": course.id },
      h("div", { class: "what" }, this.name, this.price),
      h("div", { class: "steps", role: "group" }, this.fewer, this.count, this.more),
      h("div", { class: "sum" }, this.amount, this.share));
  }

  /**
   * @param {number} quantity
   * @param {number} discount its share, minor units
   * @param {Language} language
   */
  update(quantity, discount, language) {
    const name = this.course.name[language.current === "zh" ? 0 : 1];
    const inMoney = (/** @type {number} */ minor) => money(minor, CURRENCY, language.current, true);
    setText(this.name, name);
    setText(this.price, language.say("each", { price: inMoney(this.course.price) }));
    this.fewer.setAttribute("aria-label", language.say("fewer", { name }));
    this.more.setAttribute("aria-label", language.say("more", { name }));
    this.count.setAttribute("aria-label", language.say("quantity_of", { name }));
    this.fewer.setAttribute("aria-disabled", String(quantity === 0));
    this.more.setAttribute("aria-disabled", String(quantity === MOST_OF_ONE));
    setText(this.count, String(quantity));
    setText(this.amount, inMoney(this.course.price * quantity));
    show(this.share, discount > 0);
    setText(this.share, language.say("line_discount", { amount: inMoney(-discount) }));
    this.root.toggleAttribute("data-none", quantity === 0);
  }
}

export class Cart extends EventTarget {
  /**
   * Says `change` after every change of a quantity.
   * @param {Element} list
   */
  constructor(list) {
    super();
    /** @type {Map<string, number>} */
    this.quantities = new Map(COURSES.map(({ id, quantity }) => [id, quantity]));
    this._lines = COURSES.map((course) => new Line(course, (step) => this._step(course.id, step)));
    list.replaceChildren(...this._lines.map((line) => line.root));
  }

  /** @param {string} id @param {number} step */
  _step(id, step) {
    const before = this.quantities.get(id) ?? 0;
    const after = Math.min(MOST_OF_ONE, Math.max(0, before + step));
    if (after === before) return;
    this.quantities.set(id, after);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {readonly PricedLine[]} priced empty while the discount is not known
   * @param {Language} language
   */
  show(priced, language) {
    const shares = new Map(priced.map(({ id, discount }) => [id, discount]));
    for (const line of this._lines) {
      const { id } = line.course;
      line.update(this.quantities.get(id) ?? 0, shares.get(id) ?? 0, language);
    }
  }
}
