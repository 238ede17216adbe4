// @ts-check
/**
 * The choice of a task in the form of a new drop, with the fields of each kind. `drop-form.js` shows it; the server
 * says what is wrong with a task.
 */

import { h, setText, show } from "/sdk/element/dom.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").TaskForm} TaskForm */

/** Kinds in the order in which they are offered; the first is none. */
const KINDS = ["none", "watch", "answer", "sign_in", "invite", "event"];

export class TaskFields {
  /** @param {Language} language */
  constructor(language) {
    this._language = language;
    this._kind = h(
      "select",
      { id: "task", onchange: () => this._follow() },
      ...KINDS.map((kind) => h("option", { value: kind })),
    );
    this._minutes = number("task-minutes", 240, 5);
    this._count = number("task-count", 20, 1);
    this._question = h("input", { id: "task-question", type: "text", maxlength: 200 });
    this._options = h("textarea", { id: "task-options", rows: 4, "aria-describedby": "task-hint" });
    this._right = number("task-right", 8, 1);
    this._type = h("input", { id: "task-type", type: "text", maxlength: 64, value: "x." });
    this._hint = h("p", { class: "hint", id: "task-hint" });
    this._parts = {
      watch: this._field("task_minutes", this._minutes),
      answer: h(
        "div",
        { class: "task-answer" },
        this._field("task_question", this._question),
        this._field("task_options", this._options),
        this._field("task_right", this._right),
      ),
      sign_in: null,
      invite: this._field("task_count", this._count),
      event: this._field("task_type", this._type),
    };
    this.root = h(
      "div",
      { class: "field task-fields" },
      h("label", { for: "task", "data-text": "task" }),
      this._kind,
      ...Object.values(this._parts),
      this._hint,
      h("p", { class: "field-error", id: "task-error", hidden: true }),
    );
    this._follow();
  }

  /** Write the texts that depend on the kind; the form writes those with `data-text`. */
  translate() {
    for (const option of this._kind.options)
      setText(option, this._language.say(`task_kind_${option.value}`));
    this._follow();
  }

  /** Offer to invite only where the channel of the batch allows it. @param {boolean} isAllowed */
  allowInvite(isAllowed) {
    const option = this._kind.options[KINDS.indexOf("invite")];
    option.disabled = !isAllowed;
    if (option.disabled && option.selected) {
      this._kind.value = "none";
      this._follow();
    }
  }

  /** Return the task as the server takes it; undefined for none. @returns {TaskForm|undefined} */
  read() {
    switch (this._kind.value) {
      case "watch":
        return { kind: "watch", minutes: this._minutes.valueAsNumber || 0 };
      case "answer":
        return {
          kind: "answer",
          question: this._question.value.trim(),
          options: this._lines(),
          right: (this._right.valueAsNumber || 0) - 1,
        };
      case "sign_in":
        return { kind: "sign_in" };
      case "invite":
        return { kind: "invite", count: this._count.valueAsNumber || 0 };
      case "event":
        return { kind: "event", type: this._type.value.trim() };
      default:
        return undefined;
    }
  }

  /** Go back to no task, after a drop was made: the next one has another. */
  clear() {
    this._kind.value = "none";
    this._question.value = this._options.value = "";
    this._follow();
  }

  _lines() {
    return this._options.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  }

  _follow() {
    const kind = this._kind.value;
    for (const [name, part] of Object.entries(this._parts)) if (part) show(part, name === kind);
    show(this._hint, kind !== "none");
    setText(this._hint, kind === "none" ? "" : this._language.say(`task_hint_${kind}`));
  }

  /** @param {string} name @param {HTMLElement} input */
  _field(name, input) {
    return h("div", { class: "field" }, h("label", { for: input.id, "data-text": name }), input);
  }
}

/** @param {string} id @param {number} max @param {number} value */
function number(id, max, value) {
  return h("input", { id, type: "number", min: 1, max, step: 1, inputmode: "numeric", value });
}
