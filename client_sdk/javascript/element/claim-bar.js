// @ts-check
/**
 * A second button for the first claimable card, at the bottom of the screen, while no such button is in view.
 * `<classdrop-room>` makes it, except in a frame: the bottom of a frame is not that of the screen.
 */

import { h, setText, show } from "./dom.js";

/** @typedef {{id: string, text: string, value: string, button: Element}} Claimable */

export class ClaimBar {
  /** @param {(dropId: string) => void} claim */
  constructor(claim) {
    /** @type {Set<Element>} */
    this._inView = new Set();
    this._dropId = "";
    this._value = h("span", { class: "bar-value" });
    this._button = h("button", {
      class: "main",
      type: "button",
      onclick: () => claim(this._dropId),
    });
    this.root = h("div", { class: "claim-bar", hidden: true }, this._value, this._button);
    // A button counts as visible only where all of it is; 0.98 allows for rounding.
    this._watch = new IntersectionObserver((entries) => this._look(entries), {
      threshold: [0, 0.98],
    });
  }

  /** @param {Element} button of a card */
  observe(button) {
    this._watch.observe(button);
  }

  /** @param {Element} button */
  forget(button) {
    this._watch.unobserve(button);
    this._inView.delete(button);
  }

  /** @param {Claimable[]} claimable in the order of their cards */
  update(claimable) {
    this._claimable = claimable;
    const first = claimable[0];
    const isNeeded =
      first !== undefined && !claimable.some(({ button }) => this._inView.has(button));
    show(this.root, isNeeded);
    if (!isNeeded) return;
    this._dropId = first.id;
    setText(this._value, first.value);
    setText(this._button, first.text);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  _look(entries) {
    for (const { target, intersectionRatio } of entries) {
      if (intersectionRatio >= 0.98) this._inView.add(target);
      else this._inView.delete(target);
    }
    this.update(this._claimable ?? []);
  }
}
