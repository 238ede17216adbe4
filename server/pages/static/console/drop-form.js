// @ts-check
/**
 * The form of a new drop: its batch, quantity, duration and message. It checks what it can before
 * anything is sent, and shows the server's refusals beside the fields that they are about.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { shortValue } from "/sdk/element/value.js";
import { errorText } from "/sdk/index.js";
import { audienceText } from "./audience-text.js";
import { costText, lengthText } from "./cost-text.js";
import { ActionButton } from "./action-button.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").DropForm} Form */
/** @typedef {import("/sdk/shapes.js").Batch & {template?: any}} Batch */

const DURATIONS_S = [30, 60, 180, 300];
const COUNTDOWNS_S = [0, 3, 5, 10];
const LONGEST_MINUTES = 24 * 60;
const LONGEST_MESSAGE = 200;
const USUAL_QUANTITY = 50;

/**
 * The field of the form that shows an error of a field of the request. @type {Record<string,
 * string>}
 */
const FIELD_OF = {
  batch_id: "batch",
  quantity: "quantity",
  duration_seconds: "duration",
  message: "message",
};

export class DropForm {
  /**
   * @param {HTMLFormElement} form
   * @param {Language} language
   * @param {string} room
   * @param {import("./action-button.js").ActionContext} desk
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
    this._minutes = h("input", {
      id: "minutes",
      type: "number",
      min: 1,
      max: LONGEST_MINUTES,
      step: 1,
      inputmode: "numeric",
      value: 10,
    });
    this._minutesLabel = h("label", { for: "minutes" });
    this._message = h("textarea", {
      id: "message",
      name: "message",
      rows: 2,
      maxlength: LONGEST_MESSAGE,
    });
    this._audience = h("p", { class: "audience", hidden: true });
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
    const minutes = h("div", { class: "minutes" }, this._minutes, this._minutesLabel);
    this._form.replaceChildren(
      this._field("batch", this._batch),
      this._audience,
      this._field("quantity", this._quantity),
      this._choice("duration", [...DURATIONS_S, 0], 60, minutes),
      this._choice("countdown", COUNTDOWNS_S, 0),
      this._field("message", this._message),
      this._cost,
      h("div", { class: "submit" }, this._now, this._prepare),
      this.press.root,
      this._done,
    );
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

  /**
   * A row of choices; 0 in durations is "other".
   * @param {"duration"|"countdown"} name
   * @param {number[]} values
   * @param {number} first
   * @param {HTMLElement} [more]
   */
  _choice(name, values, first, more) {
    const options = values.map((value) =>
      h(
        "label",
        { class: "segment" },
        h("input", { type: "radio", name, value, checked: value === first }),
        h("span", { "data-value": value }),
      ),
    );
    return h(
      "fieldset",
      { class: "field", "data-choice": name },
      h("legend", { "data-text": name }),
      h("div", { class: "segments" }, ...options),
      more ?? null,
      h("p", { class: "field-error", id: `${name}-error`, hidden: true }),
    );
  }

  _translate() {
    const say = this._say;
    for (const node of this._form.querySelectorAll("[data-text]"))
      setText(node, say(node.getAttribute("data-text") ?? ""));
    for (const node of this._form.querySelectorAll("[data-value]")) {
      const value = Number(node.getAttribute("data-value"));
      const isDuration = node.closest("fieldset")?.dataset.choice === "duration";
      if (value > 0) setText(node, lengthText(value, this._language));
      else setText(node, say(isDuration ? "other" : "no_countdown"));
    }
    setText(this._minutesLabel, say("minutes_unit"));
    setText(this._now, say("start_now"));
    setText(this._prepare, say("prepare"));
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
      ...batches.map((batch) => h("option", { value: batch.id }, this._optionText(batch))),
    );
    if (batches.some((batch) => batch.id === chosen)) this._batch.value = chosen;
    this._batch.disabled = batches.length === 0;
    for (const button of [this._now, this._prepare])
      button.setAttribute("aria-disabled", String(batches.length === 0));
    this._wrong("batch", batches.length ? "" : this._say("no_batches"));
    this._follow();
  }

  /** @param {Batch} batch */
  _optionText(batch) {
    const { discount, currency } = batch.template ?? {};
    const worth = discount ? `${shortValue(discount, currency, this._language.current)} · ` : "";
    const only = audienceText(batch, this._language);
    return (
      worth +
      this._say("batch_option", { name: batch.name, n: this._most(batch) }) +
      (only && ` · ${only}`)
    );
  }

  /**
   * Return this room's quota if it has one, otherwise the units left of the batch. @param {Batch}
   * batch
   */
  _most(batch) {
    const share = /** @type {{room: string, remaining?: number|null}[]|undefined} */ (
      batch.rooms
    )?.find(({ room }) => room === this._room);
    return Math.min(Number(batch.droppable), share?.remaining ?? Infinity);
  }

  /** Update the cost and the limits; called after every key. */
  _follow() {
    const batch = this._chosen();
    const isOther = this._radio("duration") === 0;
    show(/** @type {Element} */ (this._minutes.parentElement), isOther);
    setText(
      this._cost,
      batch?.template ? costText(batch.template, this._quantity.valueAsNumber, this._language) : "",
    );
    const only = batch ? audienceText(batch, this._language) : "";
    show(this._audience, only !== "");
    setText(this._audience, only);
    if (batch) this._quantity.max = String(this._most(batch));
  }

  _chosen() {
    return this._batches.find((batch) => batch.id === this._batch.value);
  }

  /** @param {string} name */
  _radio(name) {
    return Number(new FormData(this._form).get(name) ?? 0);
  }

  /** @param {"now"|"prepared"} how */
  _press(how) {
    const button = how === "now" ? this._now : this._prepare;
    const batch = this._chosen();
    this.fail(null);
    if (this.press.isBusy || this.press.refuses()) return;
    if (button.getAttribute("aria-disabled") === "true" || !batch || !this._isRight(batch)) return;
    const { discount, currency } = batch.template ?? {};
    const value = discount ? shortValue(discount, currency, this._language.current) : batch.name;
    this._submit(
      how,
      this._read(how, batch),
      this._say("takeback_hint", { value, n: this._quantity.value }),
    );
  }

  /** @param {Batch} batch @returns {boolean} */
  _isRight(batch) {
    const most = this._most(batch);
    const quantity = this._quantity.valueAsNumber;
    const seconds = this._seconds();
    const say = this._say;
    const isQuantity = Number.isInteger(quantity) && quantity >= 1 && quantity <= most;
    const isDuration = Number.isInteger(seconds) && seconds >= 1 && seconds <= LONGEST_MINUTES * 60;
    this._wrong("quantity", isQuantity ? "" : say("field_quantity", { max: most }));
    this._wrong("duration", isDuration ? "" : say("field_duration"));
    if (!isQuantity) this._quantity.focus();
    else if (!isDuration) this._minutes.focus();
    return isQuantity && isDuration;
  }

  _seconds() {
    return this._radio("duration") || this._minutes.valueAsNumber * 60;
  }

  /**
   * @param {"now"|"prepared"} start
   * @param {Batch} batch
   * @returns {Form}
   */
  _read(start, batch) {
    const message = this._message.value.trim();
    const opens_in_seconds = this._radio("countdown");
    return {
      batch_id: batch.id,
      quantity: this._quantity.valueAsNumber,
      duration_seconds: this._seconds(),
      start,
      ...(message && { message }),
      ...(opens_in_seconds && { opens_in_seconds }),
    };
  }

  /**
   * Show the server's refusal beside its field; null clears it.
   * @param {import("/sdk/index.js").ApiError|null} error
   * @returns {string} the text that belongs to no field
   */
  fail(error) {
    for (const field of Object.values(FIELD_OF)) this._wrong(field, "");
    const text = error ? errorText(error.code, this._language.current, error.facts) : "";
    const errors = /** @type {{field: string, code: string}[]} */ (error?.facts.errors ?? []);
    for (const { field } of errors) if (FIELD_OF[field]) this._wrong(FIELD_OF[field], text);
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
    this.fail(null);
    setText(this._done, how === "prepared" ? this._say("prepared_done") : "");
  }
}
