// @ts-check
/**
 * The lines of the cart: quantities to change, each line's part of the discount, shipping and
 * gifts. Rows are kept by course, so that a button keeps its focus. Prices come from the catalogue
 * until a quote replaces them.
 */

import { h, place, setText, show } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("./cart-model.js").CartModel} CartModel */
/** @typedef {import("./shop-api.js").Catalogue} Catalogue */
/** @typedef {import("./shop-api.js").Course} Course */
/** @typedef {import("./shop-api.js").Quote} Quote */
/** @typedef {import("./shop-api.js").Line} QuotedLine */

class Line {
  /**
   * @param {Course} course
   * @param {(step: number) => void} step
   */
  constructor(course, step) {
    this.course = course;
    this.name = h("strong");
    this.price = h("span", { class: "hint figure" });
    this.was = h("s", { class: "was figure" });
    this.fewer = h("button", { type: "button", class: "step", onclick: () => step(-1) }, "−");
    this.count = h("output", { class: "figure" });
    this.more = h("button", { type: "button", class: "step", onclick: () => step(1) }, "+");
    this.amount = h("span", { class: "figure amount" });
    this.before = h("s", { class: "was figure" });
    this.share = h("span", { class: "figure share" });
    this.root = h(
      "li",
      { class: "line", "data-course": course.id },
      h("div", { class: "what" }, this.name, h("span", { class: "prices" }, this.price, this.was)),
      h("div", { class: "steps", role: "group" }, this.fewer, this.count, this.more),
      h("div", { class: "sum" }, this.amount, this.before, this.share),
    );
  }

  /**
   * @param {number} quantity
   * @param {QuotedLine|undefined} quoted the quote's line
   * @param {Catalogue} catalogue
   * @param {Language} language
   */
  update(quantity, quoted, catalogue, language) {
    const { price, list_price } = this.course;
    const name = this.course.name[language.current];
    const inMoney = (/** @type {number} */ minor) =>
      money(minor, catalogue.currency, language.current, true);
    setText(this.name, name);
    setText(this.price, language.say("each", { price: inMoney(price) }));
    show(this.was, list_price > price);
    setText(this.was, inMoney(list_price));
    this.was.setAttribute(
      "aria-label",
      language.say("list_price_is", { price: inMoney(list_price) }),
    );
    this.fewer.setAttribute("aria-label", language.say("fewer", { name }));
    this.more.setAttribute("aria-label", language.say("more", { name }));
    this.count.setAttribute("aria-label", language.say("quantity_of", { name }));
    this.more.setAttribute("aria-disabled", String(quantity >= catalogue.most_of_one));
    setText(this.count, String(quantity));
    // The quote of another quantity is not valid for this one.
    const { discount } = quoted?.amount === price * quantity ? quoted : { discount: 0 };
    setText(this.amount, inMoney(price * quantity - discount));
    show(this.before, discount > 0);
    setText(this.before, inMoney(price * quantity));
    this.before.setAttribute(
      "aria-label",
      language.say("before_discount", { price: inMoney(price * quantity) }),
    );
    show(this.share, discount > 0);
    setText(this.share, language.say("line_discount", { amount: inMoney(-discount) }));
  }
}

export class CartView {
  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} title gets the focus of a line that is removed
   * @param {Catalogue} catalogue
   * @param {CartModel} cart
   */
  constructor(list, title, catalogue, cart) {
    this._list = list;
    this._title = title;
    this._catalogue = catalogue;
    this._cart = cart;
    /** @type {Map<string, Line>} */
    this._lines = new Map();
  }

  /**
   * @param {Quote|null} quote null while the discount is not known
   * @param {Language} language
   */
  show(quote, language) {
    const quoted = new Map(quote?.lines.map((line) => [line.id, line]));
    const shown = this._catalogue.courses.filter(({ id }) => this._cart.quantityOf(id) > 0);
    const rows = shown.map((course) => {
      const line = this._lineOf(course);
      line.update(
        this._cart.quantityOf(course.id),
        quoted.get(course.id),
        this._catalogue,
        language,
      );
      return line.root;
    });
    const hadFocus = this._list.contains(document.activeElement);
    place(this._list, this._cart.isEmpty ? [] : [...rows, ...this._others(quote, language)]);
    if (hadFocus && !this._list.contains(document.activeElement)) this._title.focus();
  }

  /** @param {Course} course */
  _lineOf(course) {
    const known = this._lines.get(course.id);
    if (known) return known;
    const line = new Line(course, (step) => this._step(course.id, step));
    this._lines.set(course.id, line);
    return line;
  }

  /** @param {string} id @param {number} step */
  _step(id, step) {
    const before = this._cart.quantityOf(id);
    const after = Math.min(this._catalogue.most_of_one, Math.max(0, before + step));
    if (after !== before) this._cart.put(id, after);
  }

  /**
   * Return the lines that the student did not choose: shipping and gifts.
   * @param {Quote|null} quote @param {Language} language
   */
  _others(quote, language) {
    const shipping = (quote?.lines ?? []).filter(({ kind }) => kind !== "course");
    return [
      ...shipping.map((line) =>
        fixedLine(line.name[language.current], line, this._catalogue.currency, language),
      ),
      ...giftLines(quote?.gifts ?? [], this._catalogue.currency, language),
    ];
  }
}

/**
 * Return a line whose quantity cannot be changed.
 * @param {string} name
 * @param {{id: string, amount: number, discount: number}} line
 * @param {string} currency
 * @param {Language} language
 */
function fixedLine(name, line, currency, language) {
  const inMoney = (/** @type {number} */ minor) => money(minor, currency, language.current, true);
  const share =
    line.discount > 0 && language.say("line_discount", { amount: inMoney(-line.discount) });
  return h(
    "li",
    { class: "line", "data-line": line.id },
    h("div", { class: "what" }, h("strong", null, name)),
    h(
      "div",
      { class: "sum" },
      h("span", { class: "figure amount" }, inMoney(line.amount - line.discount)),
      share && h("s", { class: "was figure" }, inMoney(line.amount)),
      share && h("span", { class: "figure share" }, share),
    ),
  );
}

/**
 * Return the gifts of coupons: at 0, with their list price. Used by the order page too.
 * @param {readonly import("./shop-api.js").GiftLine[]} gifts
 * @param {string} currency
 * @param {Language} language
 */
export function giftLines(gifts, currency, language) {
  const inMoney = (/** @type {number} */ minor) => money(minor, currency, language.current, true);
  return gifts.map((gift) => {
    const name = gift.name[language.current];
    return h(
      "li",
      { class: "line", "data-gift": gift.course },
      h(
        "div",
        { class: "what" },
        h("strong", null, language.say("gift_line", { name, n: gift.quantity })),
      ),
      h(
        "div",
        { class: "sum" },
        h("span", { class: "figure amount" }, inMoney(0)),
        h("s", { class: "was figure" }, inMoney(gift.list_price * gift.quantity)),
      ),
    );
  });
}
