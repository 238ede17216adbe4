// @ts-check
/**
 * The courses that the shop sells: a card for each, with its price, its former price, and a button.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { money } from "/sdk/element/value.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("./shop-api.js").Catalogue} Catalogue */
/** @typedef {import("./shop-api.js").Course} Course */

class Card {
  /**
   * @param {Course} course
   * @param {() => void} add
   */
  constructor(course, add) {
    this.course = course;
    this.name = h("strong");
    this.about = h("span", { class: "hint" });
    this.price = h("span", { class: "price figure" });
    this.was = h("s", { class: "was figure" });
    this.add = h("button", { type: "button", class: "plain-button", onclick: add });
    this.root = h(
      "li",
      { class: "card", "data-shelf": course.id },
      h("div", { class: "what" }, this.name, this.about),
      h("div", { class: "prices" }, this.price, this.was),
      this.add,
    );
  }

  /**
   * @param {number} inCart
   * @param {Catalogue} catalogue
   * @param {Language} language
   */
  update(inCart, catalogue, language) {
    const { course } = this;
    const name = course.name[language.current];
    const inMoney = (/** @type {number} */ minor) =>
      money(minor, catalogue.currency, language.current, true);
    setText(this.name, name);
    setText(this.about, course.about[language.current]);
    setText(this.price, inMoney(course.price));
    show(this.was, course.list_price > course.price);
    setText(this.was, inMoney(course.list_price));
    this.was.setAttribute(
      "aria-label",
      language.say("list_price_is", { price: inMoney(course.list_price) }),
    );
    setText(this.add, inCart ? language.say("in_cart", { n: inCart }) : language.say("add"));
    this.add.setAttribute(
      "aria-label",
      inCart
        ? language.say("add_another", { name, n: inCart })
        : language.say("add_course", { name }),
    );
    this.add.setAttribute("aria-disabled", String(inCart >= catalogue.most_of_one));
    this.root.toggleAttribute("data-in-cart", inCart > 0);
  }
}

export class CourseList {
  /**
   * @param {Element} list
   * @param {Catalogue} catalogue
   * @param {(course: string) => void} add
   */
  constructor(list, catalogue, add) {
    this._catalogue = catalogue;
    this._cards = catalogue.courses.map((course) => new Card(course, () => add(course.id)));
    list.replaceChildren(...this._cards.map((card) => card.root));
  }

  /**
   * @param {import("./cart-model.js").CartModel} cart
   * @param {Language} language
   */
  show(cart, language) {
    for (const card of this._cards) {
      card.update(cart.quantityOf(card.course.id), this._catalogue, language);
    }
  }
}
