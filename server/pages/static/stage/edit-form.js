// @ts-check
/**
 * The form that changes a prepared drop: when it opens, how many, how it ends, its words and its testers. It says
 * what was changed and sends nothing itself. The run sheet shows it in the drop's card.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { errorText } from "/sdk/texts.js";
import { EndingFields } from "../console/form/ending-fields.js";
import { RehearsalFields } from "./rehearsal-fields.js";
import { asApiError } from "../shared/api-errors.js";
import { lengthText } from "../console/form/cost-text.js";
import { MomentFields } from "./moment-fields.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("../console/drops/drop-store.js").ShownDrop} ShownDrop */
/** @typedef {import("/sdk/shapes.js").DropEdit} DropEdit */
/** @typedef {import("./order.js").Moment} Moment */
/** What was changed: fields of the drop, and its moment where that is another.
 * @typedef {{edit: DropEdit, moment: Moment|null}} Changes */

const COUNTDOWNS_S = [0, 3, 5, 10];
const LONGEST_MESSAGE = 200;

export class EditForm {
  /**
   * @param {ShownDrop} drop
   * @param {import("/sdk/shapes.js").OrderEntry|undefined} entry
   * @param {Language} language
   * @param {{save: (changes: Changes) => Promise<void>, cancel: () => void}} actions `save` throws an ApiError
   */
  constructor(drop, entry, language, actions) {
    const prefix = `edit-${drop.id}-`;
    this._language = language;
    this._drop = drop;
    this._actions = actions;
    this._isSaving = false;
    this._moment = new MomentFields(language, prefix, entry ?? {});
    this._ending = new EndingFields(language, prefix);
    this._ending.write(drop);
    this._rehearsal = new RehearsalFields(language, prefix);
    this._rehearsal.write(Boolean(drop.rehearsal), drop.audience?.students ?? []);
    this._quantity = h("input", {
      id: `${prefix}quantity`,
      type: "number",
      min: 1,
      step: 1,
      inputmode: "numeric",
      value: drop.quantity,
    });
    this._message = h("textarea", { id: `${prefix}message`, rows: 2, maxlength: LONGEST_MESSAGE });
    this._message.value = drop.message ?? "";
    const countdowns = [...new Set([...COUNTDOWNS_S, drop.opens_in_seconds ?? 0])];
    this._countdown = h(
      "select",
      { id: `${prefix}countdown` },
      ...countdowns.map((seconds) => h("option", { value: seconds })),
    );
    this._countdown.value = String(drop.opens_in_seconds ?? 0);
    this._before = this._shown();
    this._save = h("button", { type: "submit", class: "main" });
    this._cancel = h("button", { type: "button", class: "plain-button", onclick: actions.cancel });
    this._trouble = h("p", { class: "field-error", role: "alert", hidden: true });
    this.root = this._arrange();
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._submit();
    });
    this.translate();
  }

  _arrange() {
    return h(
      "form",
      { class: "edit-form", novalidate: true },
      this._moment.root,
      field("quantity", this._quantity),
      this._ending.root,
      field("countdown", this._countdown),
      field("message", this._message),
      this._rehearsal.root,
      this._trouble,
      h("div", { class: "submit" }, this._save, this._cancel),
    );
  }

  translate() {
    const say = this._language.say.bind(this._language);
    for (const node of this.root.querySelectorAll("[data-text]"))
      setText(node, say(node.getAttribute("data-text") ?? ""));
    for (const option of this._countdown.options) {
      const seconds = Number(option.value);
      setText(option, seconds ? lengthText(seconds, this._language) : say("no_countdown"));
    }
    this._moment.translate();
    this._ending.translate();
    this._rehearsal.translate();
    setText(this._save, say("save"));
    setText(this._cancel, say("cancel"));
  }

  focus() {
    this._moment.focus();
    this.root.scrollIntoView({ block: "nearest" });
  }

  async _submit() {
    if (this._isSaving) return;
    const changes = this._read();
    if (!changes) return;
    this._isSaving = true;
    this._save.setAttribute("aria-disabled", "true");
    this._fail("");
    try {
      await this._actions.save(changes);
    } catch (error) {
      this._refused(asApiError(error));
    }
    this._isSaving = false;
    this._save.removeAttribute("aria-disabled");
  }

  /** Return what the fields say now. */
  _shown() {
    const ending = this._ending.read();
    const rehearsal = ending && this._rehearsal.read();
    if (!ending || !rehearsal) return null;
    return {
      quantity: this._quantity.valueAsNumber,
      ending,
      opens_in_seconds: Number(this._countdown.value),
      message: this._message.value.trim(),
      rehearsal,
    };
  }

  /** Return what was changed; null, with the reason shown, where a field is wrong. @returns {Changes|null} */
  _read() {
    const moment = this._moment.read();
    const now = moment && this._shown();
    if (!moment || !now) return null;
    const before = /** @type {Record<string, unknown>} */ (this._before ?? {});
    const changed = Object.fromEntries(
      Object.entries(now).filter(
        ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]),
      ),
    );
    const { ending, rehearsal, ...edit } = /** @type {any} */ (changed);
    return {
      edit: { ...edit, ...ending, ...(rehearsal ? this._rehearsalEdit() : {}) },
      moment,
    };
  }

  /** Return the fields of a rehearsal, or those that end it. @returns {DropEdit} */
  _rehearsalEdit() {
    const on = this._rehearsal.read();
    return on?.rehearsal ? on : { rehearsal: false, audience: null };
  }

  /** @param {import("/sdk/index.js").ApiError} error */
  _refused(error) {
    const text = errorText(error.code, this._language.current, error.facts);
    const errors = /** @type {{field: string}[]} */ (error.facts.errors ?? []);
    const places = errors.map(({ field: name }) => this._placeOf(name));
    for (const place of places) place(text);
    if (places.length === 0) this._fail(text);
  }

  /** @param {string} name of a field of the request @returns {(text: string) => void} */
  _placeOf(name) {
    const part = name.split(".")[0];
    if (part === "closes" || part === "duration_seconds") return (text) => this._ending.fail(text);
    if (part === "audience" || part === "rehearsal") return (text) => this._rehearsal.fail(text);
    if (part === "entries" || part === "at") return (text) => this._moment.fail(text);
    return (text) => this._fail(text);
  }

  /** @param {string} text empty: nothing is wrong */
  _fail(text) {
    show(this._trouble, text !== "");
    setText(this._trouble, text);
  }
}

/** @param {string} name @param {HTMLElement} input */
function field(name, input) {
  return h("div", { class: "field" }, h("label", { for: input.id, "data-text": name }), input);
}
