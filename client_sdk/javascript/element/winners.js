// @ts-check
/**
 * The masked names of those who got a coupon, by drop, as a line of the card. `<classdrop-room>` fills it from the
 * room's `winners` events. Pure, and bounded: the last names of each drop, and who won besides as a number. Its
 * words are here and not in words.js, which pages without a room load as well.
 */

/** @typedef {import("./words.js").Language} Language */

const NAMED = 3;

export class Winners {
  constructor() {
    /** Newest first. @type {Map<string, {names: string[], more: number}>} */
    this._known = new Map();
  }

  /** Behind a welcome the room tells again what it was told. */
  forget() {
    this._known.clear();
  }

  /** @param {{drop_id: string, names: string[], more: number}} told */
  add({ drop_id, names, more }) {
    const known = this._known.get(drop_id) ?? { names: [], more: 0 };
    const all = [...[...names].reverse(), ...known.names];
    const left = Math.max(0, all.length - NAMED);
    this._known.set(drop_id, { names: all.slice(0, NAMED), more: known.more + more + left });
  }

  /** Return who got a coupon of this drop; empty where the room was told of nobody.
   * @param {string} dropId @param {Language} language */
  text(dropId, language) {
    const { names, more } = this._known.get(dropId) ?? { names: [], more: 0 };
    if (names.length === 0) return "";
    if (language === "zh")
      return `${names.join("、")}${more > 0 ? ` 等 ${names.length + more} 人` : " "}已领到`;
    return `Got one: ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  }
}
