// @ts-check
/**
 * What the run sheet adds to the card of a prepared drop: when it opens, and the buttons that move, edit and delete
 * it. Created once for each card.
 */

import { h, icon, setText, show } from "/sdk/element/dom.js";
import { errorText } from "/sdk/texts.js";
import { EditForm } from "./edit-form.js";
import { momentText } from "./moment-text.js";
import { momentOf } from "./order.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("../console/drops/drop-store.js").ShownDrop} ShownDrop */
/** @typedef {import("/sdk/shapes.js").OrderEntry} OrderEntry */
/**
 * @typedef {object} PartActions
 * @property {(id: string, step: -1|1) => Promise<void>} move
 * @property {(drop: ShownDrop) => Promise<void>} remove
 * @property {(drop: ShownDrop, changes: import("./edit-form.js").Changes) => Promise<void>} save throws an ApiError
 */

const UP = "M12 19V5M6 11l6-6 6 6";
const DOWN = "M12 5v14M6 13l6 6 6-6";

export class SheetPart {
  /**
   * @param {import("../console/drops/ready-drop.js").ReadyDrop} card
   * @param {Language} language
   * @param {PartActions} actions
   */
  constructor(card, language, actions) {
    this._language = language;
    this._actions = actions;
    /** @type {ShownDrop|null} */
    this._drop = null;
    /** @type {OrderEntry|undefined} */
    this._entry = undefined;
    /** @type {EditForm|null} */
    this._form = null;
    this._when = h("p", { class: "cue figures" });
    this._up = moveButton(UP, "ArrowUp", () => this._move(-1));
    this._down = moveButton(DOWN, "ArrowDown", () => this._move(1));
    this._edit = h("button", {
      type: "button",
      class: "plain-button",
      onclick: () => this._open(),
    });
    this._remove = h("button", {
      type: "button",
      class: "plain-button danger",
      onclick: () => this._drop && void actions.remove(this._drop),
    });
    this._trouble = h("p", { class: "field-error", role: "alert", hidden: true });
    this._tools = h("div", { class: "row tools" }, this._up, this._down, this._edit, this._remove);
    card.start.before(this._when);
    card.root.append(this._tools, this._trouble);
    this._card = card;
    card.root.addEventListener("keydown", (event) => this._key(event));
  }

  /** @param {string} text empty: nothing is wrong */
  fail(text) {
    show(this._trouble, text !== "");
    setText(this._trouble, text);
  }

  focus() {
    this._card.start.focus();
  }

  /**
   * @param {ShownDrop} drop
   * @param {OrderEntry|undefined} entry of the running order, where it is in it
   * @param {{isFirst: boolean, isLast: boolean}} place among the prepared ones
   * @param {number} now server time, ms
   */
  update(drop, entry, { isFirst, isLast }, now) {
    const say = this._language.say.bind(this._language);
    const isPrepared = drop.state === "prepared";
    this._drop = drop;
    this._entry = entry;
    this._up.setAttribute("aria-label", say("move_up", { name: drop.name }));
    this._down.setAttribute("aria-label", say("move_down", { name: drop.name }));
    this._up.setAttribute("aria-disabled", String(isFirst || !isPrepared));
    this._down.setAttribute("aria-disabled", String(isLast || !isPrepared));
    setText(this._edit, say("edit"));
    setText(this._remove, say("remove"));
    this._tools.toggleAttribute("inert", !isPrepared);
    if (!isPrepared) this._close();
    this.tick(now);
    this._form?.translate();
  }

  /** Update what moves with the clock. @param {number} now server time, ms */
  tick(now) {
    const state = this._entry?.state ?? "waiting";
    const isByHand = state === "waiting" && Object.keys(momentOf(this._entry ?? {})).length === 0;
    this._when.dataset.state = isByHand ? "hand" : state;
    setText(this._when, this._whenText(state, now));
  }

  /** @param {OrderEntry["state"]} state @param {number} now */
  _whenText(state, now) {
    const { current } = this._language;
    const say = this._language.say.bind(this._language);
    if (this._drop?.state === "prepared" && state === "missed") return say("cue_missed");
    if (this._drop?.state === "prepared" && state === "refused") {
      const reason = this._entry?.reason ?? "other";
      if (reason === "stock_short") return say("cue_short");
      return say("cue_refused", { reason: errorText(reason, current) });
    }
    return momentText(this._entry, now, current, say);
  }

  /** @param {-1|1} step */
  _move(step) {
    const button = step < 0 ? this._up : this._down;
    if (!this._drop || button.getAttribute("aria-disabled") === "true") return;
    void this._actions.move(this._drop.id, step);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (this._form?.root.contains(/** @type {Node} */ (event.target))) {
      // Alt and an arrow open a list there. Escape takes back a press, where there is one, before all else.
      const isTakingBack = document.getElementById("takeback")?.hidden === false;
      if (event.key === "Escape" && !isTakingBack) this._close();
      return;
    }
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    this._move(event.key === "ArrowUp" ? -1 : 1);
  }

  _open() {
    if (this._form || !this._drop) return this._close();
    this.fail("");
    this._form = new EditForm(this._drop, this._entry, this._language, {
      save: (changes) => this._save(changes),
      cancel: () => this._close(),
    });
    this._card.root.append(this._form.root);
    this._edit.setAttribute("aria-expanded", "true");
    this._form.focus();
  }

  /** @param {import("./edit-form.js").Changes} changes */
  async _save(changes) {
    if (!this._drop) return;
    await this._actions.save(this._drop, changes);
    this._close();
  }

  _close() {
    if (!this._form) return;
    const isInside = this._form.root.contains(document.activeElement);
    this._form.root.remove();
    this._form = null;
    this._edit.setAttribute("aria-expanded", "false");
    if (isInside) this._edit.focus();
  }
}

/** @param {string} path @param {string} key @param {() => void} move */
function moveButton(path, key, move) {
  return h(
    "button",
    {
      type: "button",
      class: "plain-button square",
      "aria-keyshortcuts": `Alt+${key}`,
      onclick: move,
    },
    icon(path),
  );
}
