// @ts-check
/**
 * What a draw adds to the card of its drop on the console: how many have entered, what came of it,
 * who won, the proof, and the button that calls it off. Created once for each card.
 */

import { fill, h, setText, show } from "/sdk/element/dom.js";
import { errorText } from "/sdk/index.js";
import { ActionButton } from "../console/action-button.js";
import { asApiError } from "../shared/api-errors.js";

/** @typedef {import("../console/drops/drop-store.js").ShownDrop} ShownDrop */
/** @typedef {import("../console/drops/drop-changes.js").Change} Change */
/** @typedef {import("/sdk/shapes.js").DropClaims} DropClaims */
/**
 * @typedef {object} DrawActions
 * @property {(reason: string) => Change} abort
 * @property {(after: string|null) => Promise<DropClaims>} winners
 * @property {string} proof the address of the page that checks it
 */

/** Until then a draw can be called off. */
const BEFORE_THE_DRAW = new Set(["scheduled", "open", "drawing"]);

export class DrawPart {
  /**
   * @param {string} id of the drop
   * @param {import("../console/action-button.js").ActionContext} desk
   * @param {DrawActions} actions
   */
  constructor(id, desk, actions) {
    this._language = desk.language;
    this._desk = desk;
    this._actions = actions;
    this._press = new ActionButton(desk);
    this._count = h("p", { class: "draw-count figures", role: "status" });
    this._proof = h("a", { href: actions.proof, target: "_blank", rel: "noopener" });
    this._open = h("button", {
      type: "button",
      class: "plain-button danger",
      "aria-expanded": "false",
      onclick: () => this._toggle(Boolean(this._form.hidden)),
    });
    this._reason = h("input", { type: "text", id: `abort-${id}`, maxlength: 200 });
    this._label = h("label", { for: this._reason.id });
    this._hint = h("p", { class: "hint" });
    this._send = h("button", { type: "submit", class: "plain-button danger" });
    this._keep = h("button", {
      type: "button",
      class: "plain-button",
      onclick: () => this._toggle(false),
    });
    this._form = h(
      "form",
      { class: "abort-form field", hidden: true, novalidate: true },
      this._hint,
      this._label,
      this._reason,
      h("div", { class: "row" }, this._send, this._keep),
    );
    this._summary = h("summary");
    this._names = h("ul", { class: "draw-winners" });
    this._more = h("button", {
      type: "button",
      class: "plain-button",
      hidden: true,
      onclick: () => void this._read(this._next),
    });
    this._none = h("p", { class: "hint", role: "status" });
    this._won = h(
      "details",
      { hidden: true, ontoggle: () => this._won.open && void this._read(null) },
      this._summary,
      this._names,
      this._none,
      this._more,
    );
    /** @type {string|null} */
    this._next = null;
    this.root = h(
      "div",
      { class: "draw-part" },
      this._count,
      h("p", null, this._proof),
      this._won,
      h("div", { class: "row" }, this._open),
      this._form,
      this._press.root,
    );
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._abort();
    });
  }

  /** @param {ShownDrop} drop */
  update(drop) {
    const say = this._language.say.bind(this._language);
    const canEnd = BEFORE_THE_DRAW.has(drop.state) && drop.draw?.winners === undefined;
    setText(this._count, countText(drop, say));
    setText(this._proof, say("draw_proof"));
    setText(this._open, say("abort"));
    setText(this._hint, say("abort_hint"));
    setText(this._label, say("abort_reason"));
    setText(this._send, say("abort_send"));
    setText(this._keep, say("abort_keep"));
    setText(this._summary, say("draw_who_won"));
    setText(this._more, say("draw_who_more"));
    show(this._open, canEnd);
    if (!canEnd) this._toggle(false);
    show(this._won, drop.state === "closed");
  }

  /** @param {boolean} isOpen */
  _toggle(isOpen) {
    if (Boolean(this._form.hidden) !== isOpen) return;
    show(this._form, isOpen);
    this._open.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this._reason.focus();
  }

  async _abort() {
    const reason = this._reason.value.trim();
    this._reason.setAttribute("aria-invalid", String(!reason));
    if (!reason) return this._reason.focus();
    await this._press.run(this._actions.abort(reason));
  }

  /** Read a page of the winners; the first replaces what was shown. @param {string|null} after */
  async _read(after) {
    try {
      const page = await this._actions.winners(after);
      const names = page.claims.map(({ student }) => h("li", null, student));
      fill(this._names, ...(after ? [...this._names.children] : []), ...names);
      this._next = page.next;
      show(this._more, page.next !== null);
      const isEmpty = this._names.children.length === 0;
      setText(this._none, isEmpty ? this._language.say("draw_who_none") : "");
    } catch (error) {
      const { code, facts } = asApiError(error);
      setText(this._none, errorText(code, this._language.current, facts));
    }
  }
}

/** @param {ShownDrop} drop @param {import("../shared/language.js").Language["say"]} say */
function countText(drop, say) {
  if (drop.state === "aborted") return say("draw_aborted_console");
  const { entries, winners } = drop.draw ?? {};
  const n = entries ?? drop.entries ?? 0;
  if (winners !== undefined) return say("draw_done_console", { n, winners });
  if (entries !== undefined) return say("draw_sealed_console", { n });
  return n > 0 ? say("draw_entries", { n }) : say("draw_entries_none");
}
