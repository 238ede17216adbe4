// @ts-check
/**
 * The masked names that the room was told, by drop. Used by screen.js. Bounded: the last names of
 * each drop; who won besides is a number.
 */

import { fill, h, show } from "/sdk/element/dom.js";

/** @typedef {import("../shared/language.js").Language} Language */

const SHOWN = 24;

export class WinnerList {
  /** @param {Element} section @param {Element} list @param {Language} language */
  constructor(section, list, language) {
    this._section = section;
    this._list = list;
    this._language = language;
    /** @type {Map<string, {names: string[], more: number}>} */
    this._known = new Map();
  }

  /** @param {{drop_id: string, names: string[], more: number}} told */
  add({ drop_id, names, more }) {
    const known = this._known.get(drop_id) ?? { names: [], more: 0 };
    const all = [...[...names].reverse(), ...known.names];
    this._known.set(drop_id, {
      names: all.slice(0, SHOWN),
      more: known.more + more + Math.max(0, all.length - SHOWN),
    });
  }

  /** Forget all: behind a welcome the room tells again what it was told. */
  forget() {
    this._known.clear();
  }

  /** Show those of this drop, and forget drops that the room does not show any more.
   * @param {string|undefined} dropId @param {readonly string[]} shown ids */
  draw(dropId, shown) {
    for (const id of this._known.keys()) if (!shown.includes(id)) this._known.delete(id);
    const { names, more } = this._known.get(dropId ?? "") ?? { names: [], more: 0 };
    show(this._section, names.length > 0);
    fill(
      this._list,
      ...names.map((name) => h("li", null, name)),
      more > 0 &&
        h("li", { class: "more" }, this._language.say("screen_winners_more", { n: more })),
    );
  }
}
