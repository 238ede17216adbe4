// @ts-check
/**
 * The form of a new drop: its batch, quantity, end and message. It checks what it can before
 * anything is sent, and shows the server's refusals beside the fields that they are about.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { shortValue } from "/sdk/element/value.js";
import { errorText } from "/sdk/texts.js";
import { audienceText } from "./audience-text.js";
import { batchText, unitsFor } from "./batch-text.js";
import { costText, lengthText } from "./cost-text.js";
import { ActionButton } from "../action-button.js";
import { EndingFields } from "./ending-fields.js";
import { TaskFields } from "./task-fields.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").DropForm} Form */
/** @typedef {import("/sdk/shapes.js").Batch & {template?: any}} Batch */
/**
 * A part of the form that another module brings. `fields`: of the request, whose errors it shows.
 * @typedef {{root: Element, fields: string[], read: () => Partial<Form>, translate: () => void,
 *   fail: (text: string) => void, clear: () => void}} FormPart
 */

const COUNTDOWNS_S = [0, 3, 5, 10];
const LONGEST_MESSAGE = 200;
const USUAL_QUANTITY = 50;
const MOST_UNITS = 1_000_000;

/**
 * The field of the form that shows an error of a field of the request. @type {Record<string,
 * string>}
 */
const FIELD_OF = {
  batch_id: "batch",
  quantity: "quantity",
  message: "message",
  task: "task",
};

export class DropForm {
  /**
   * @param {HTMLFormElement} form
   * @param {Language} language
   * @param {string} room
   * @param {import("../action-button.js").ActionContext} desk
   * @param {(how: "now"|"prepared", form: Form, what: string) => void} submit
   */
  constructor(form, language, room, desk, submit) {
    this.press = new ActionButton(desk);
    this._form = form;
    this._language = language;
    this._say = language.say.bind(language);
    this._room = room;
    this._submit = submit;
    /** @type {Batch[]} */
    this._batches = [];
    this._batch = h("select", { id: "batch", name: "batch" });
    this._quantity = h("input", {
      id: "quantity",
      name: "quantity",
      type: "number",
      min: 1,
      step: 1,
      inputmode: "numeric",
      value: USUAL_QUANTITY,
    });
    this._ending = new EndingFields(language);
    /** The switch of a rehearsal, once it is loaded.
     * @type {import("../../stage/rehearsal-fields.js").RehearsalFields|null} */
    this._rehearsal = null;
    this._message = h("textarea", {
      id: "message",
      name: "message",
      rows: 2,
      maxlength: LONGEST_MESSAGE,
    });
    this._audience = h("p", { class: "audience", hidden: true });
    this._task = new TaskFields(language);
    /** Parts that other modules bring. @type {FormPart[]} */
    this._parts = [];
    this._cost = h("p", { class: "cost", role: "status" });
    this._done = h("p", { class: "done", role: "status" });
    this._now = h("button", {
      class: "main",
      type: "button",
      "data-start": "new",
      onclick: () => this._press("now"),
    });
    this._prepare = h("button", {
      class: "plain-button",
      type: "button",
      onclick: () => this._press("prepared"),
    });
    this._arrange();
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      setText(this._done, "");
      this._follow();
    });
    language.addEventListener("change", () => this._translate());
    this._translate();
  }

  _arrange() {
    this._form.replaceChildren(
      this._field("batch", this._batch),
      this._audience,
      this._field("quantity", this._quantity),
      this._ending.root,
      this._countdownChoice(),
      this._field("message", this._message),
      this._task.root,
      this._cost,
      h("div", { class: "submit" }, this._now, this._prepare),
      this.press.root,
      this._done,
    );
  }

  /** Add a part of another module, above the task. @param {FormPart} part */
  add(part) {
    this._parts.push(part);
    this._task.root.before(part.root);
  }

  /** @param {string} name @param {HTMLElement} input */
  _field(name, input) {
    input.setAttribute("aria-describedby", `${name}-error`);
    return h(
      "div",
      { class: "field" },
      h("label", { for: name, "data-text": name }),
      input,
      h("p", { class: "field-error", id: `${name}-error`, hidden: true }),
    );
  }

  _countdownChoice() {
    const options = COUNTDOWNS_S.map((value) =>
      h(
        "label",
        { class: "segment" },
        h("input", { type: "radio", name: "countdown", value, checked: value === 0 }),
        h("span", { "data-value": value }),
      ),
    );
    return h(
      "fieldset",
      { class: "field", "data-choice": "countdown" },
      h("legend", { "data-text": "countdown" }),
      h("div", { class: "segments" }, ...options),
    );
  }

  _translate() {
    const say = this._say;
    for (const node of this._form.querySelectorAll("[data-text]"))
      setText(node, say(node.getAttribute("data-text") ?? ""));
    for (const node of this._form.querySelectorAll("[data-value]")) {
      const value = Number(node.getAttribute("data-value"));
      setText(node, value > 0 ? lengthText(value, this._language) : say("no_countdown"));
    }
    this._ending.translate();
    this._rehearsal?.translate();
    setText(this._now, say("start_now"));
    setText(this._prepare, say("prepare"));
    this._task.translate();
    for (const part of this._parts) part.translate();
    this.setBatches(this._batches);
  }

  /**
   * Show the batches that may be dropped in this room.
   * @param {Batch[]} batches
   */
  setBatches(batches) {
    const chosen = this._batch.value;
    this._batches = batches;
    this._batch.replaceChildren(
      ...batches.map((batch) =>
        h("option", { value: batch.id }, batchText(batch, this._room, this._language)),
      ),
    );
    if (batches.some((batch) => batch.id === chosen)) this._batch.value = chosen;
    this._batch.disabled = batches.length === 0;
    for (const button of [this._now, this._prepare])
      button.setAttribute("aria-disabled", String(batches.length === 0));
    this._wrong("batch", batches.length ? "" : this._say("no_batches"));
    this._follow();
  }

  /** @param {import("../../stage/rehearsal-fields.js").RehearsalFields} fields */
  addRehearsal(fields) {
    this._rehearsal = fields;
    this._task.root.after(fields.root);
  }

  /** Update the cost and the limits; called after every key. */
  _follow() {
    const batch = this._chosen();
    setText(
      this._cost,
      batch?.template && !this._rehearsal?.isOn
        ? costText(batch.template, this._quantity.valueAsNumber, this._language)
        : "",
    );
    const only = batch ? audienceText(batch, this._language) : "";
    show(this._audience, only !== "");
    setText(this._audience, only);
    if (batch) this._quantity.max = String(unitsFor(batch, this._room));
    this._task.allowInvite(batch?.may_invite !== false);
  }

  _chosen() {
    return this._batches.find((batch) => batch.id === this._batch.value);
  }

  /** @param {"now"|"prepared"} how */
  _press(how) {
    const button = how === "now" ? this._now : this._prepare;
    const batch = this._chosen();
    this.fail(null);
    if (this.press.isBusy || this.press.refuses()) return;
    if (button.getAttribute("aria-disabled") === "true" || !batch) return;
    const form = this._read(how, batch);
    if (!form) return;
    const { discount, currency } = batch.template ?? {};
    const value = discount ? shortValue(discount, currency, this._language.current) : batch.name;
    const what = this._say("takeback_hint", { value, n: this._quantity.value });
    this._submit(how, form, form.rehearsal ? `${this._say("rehearsal")} · ${what}` : what);
  }

  /** Return the quantity; null, with the reason shown, where it is wrong. @param {Batch} batch */
  _readQuantity(batch) {
    // A rehearsal takes nothing of the batch.
    const most = this._rehearsal?.isOn ? MOST_UNITS : unitsFor(batch, this._room);
    const quantity = this._quantity.valueAsNumber;
    const isRight = Number.isInteger(quantity) && quantity >= 1 && quantity <= most;
    this._wrong("quantity", isRight ? "" : this._say("field_quantity", { max: most }));
    if (!isRight) this._quantity.focus();
    return isRight ? quantity : null;
  }

  /**
   * Return the drop as the server takes it; null, with the reason shown, where a field is wrong.
   * @param {"now"|"prepared"} start
   * @param {Batch} batch
   * @returns {Form|null}
   */
  _read(start, batch) {
    const quantity = this._readQuantity(batch);
    const ending = quantity === null ? null : this._ending.read();
    const rehearsal = ending && (this._rehearsal ? this._rehearsal.read() : {});
    if (quantity === null || !ending || !rehearsal) return null;
    const message = this._message.value.trim();
    const opens_in_seconds = Number(new FormData(this._form).get("countdown") ?? 0);
    const task = this._task.read();
    return {
      batch_id: batch.id,
      quantity,
      ...ending,
      start,
      ...(message && { message }),
      ...(opens_in_seconds && { opens_in_seconds }),
      ...(task && { task }),
      ...rehearsal,
      ...Object.assign({}, ...this._parts.map((part) => part.read())),
    };
  }

  /**
   * Show the server's refusal beside its field; null clears it.
   * @param {import("/sdk/index.js").ApiError|null} error
   * @returns {string} the text that belongs to no field
   */
  fail(error) {
    for (const field of Object.values(FIELD_OF)) this._wrong(field, "");
    this._ending.fail("");
    this._rehearsal?.fail("");
    for (const part of this._parts) part.fail("");
    const text = error ? errorText(error.code, this._language.current, error.facts) : "";
    const errors = /** @type {{field: string, code: string}[]} */ (error?.facts.errors ?? []);
    for (const { field } of errors) {
      const part = field.split(".")[0]; // `task.question` is about the task
      if (part === "closes" || part === "duration_seconds") this._ending.fail(text);
      else if (part === "audience" || part === "rehearsal") this._rehearsal?.fail(text);
      else if (this._parts.some(({ fields }) => fields.includes(part)))
        this._parts.find(({ fields }) => fields.includes(part))?.fail(text);
      else if (FIELD_OF[part]) this._wrong(FIELD_OF[part], text);
    }
    return text;
  }

  /** @param {string} field @param {string} text empty: nothing is wrong */
  _wrong(field, text) {
    const place = this._form.querySelector(`#${field}-error`);
    if (!place) return;
    show(place, Boolean(text));
    setText(place, text);
    this._form.querySelector(`#${field}`)?.setAttribute("aria-invalid", String(Boolean(text)));
  }

  /**
   * Clear the message after a drop was created: the next one has another.
   * @param {"now"|"prepared"} how
   */
  finish(how) {
    this._message.value = "";
    this._task.clear();
    for (const part of this._parts) part.clear();
    this.fail(null);
    setText(this._done, how === "prepared" ? this._say("prepared_done") : "");
  }
}
