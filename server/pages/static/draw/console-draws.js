// @ts-check
/**
 * Draws on the console: the choice of the mode in the form, and what belongs to the card of a draw.
 * The console imports it after it is there, and works without it.
 */

import { DrawPart } from "./draw-part.js";
import { drawConsoleMessages } from "./messages-draw-console.js";
import { ModeFields } from "./mode-fields.js";

/** @typedef {import("../console/drops/drop-store.js").ShownDrop} ShownDrop */
/**
 * What the console lends.
 * @typedef {object} Host
 * @property {import("/sdk/api.js").Api} api
 * @property {string} room
 * @property {string} token
 * @property {import("../console/form/drop-form.js").DropForm} form
 * @property {import("../console/drops/drop-changes.js").DropChanges} changes
 * @property {import("../console/action-button.js").ActionContext} desk
 */

const PAGE = 50;

export class ConsoleDraws {
  /** @param {Host} host */
  constructor(host) {
    host.desk.language.add(drawConsoleMessages);
    this._host = host;
    /** @type {Map<string, DrawPart>} */
    this._parts = new Map();
    host.form.add(new ModeFields(host.desk.language));
  }

  /** Show what belongs to the card of a draw. @param {ShownDrop} drop @param {Element} root of its card */
  show(drop, root) {
    if (drop.mode !== "draw") return;
    const part = this._parts.get(drop.id) ?? this._newPart(drop.id, root);
    part.update(drop);
  }

  /** @param {string} id @param {Element} root */
  _newPart(id, root) {
    const { api, room, token, changes, desk } = this._host;
    const part = new DrawPart(id, desk, {
      abort: (reason) => changes.abort(id, reason),
      winners: (after) => api.dropClaims(room, id, { limit: PAGE, ...(after && { after }) }),
      proof: `/drops/${encodeURIComponent(id)}/draw#token=${encodeURIComponent(token)}`,
    });
    root.querySelector(".controls")?.before(part.root);
    this._parts.set(id, part);
    return part;
  }
}
