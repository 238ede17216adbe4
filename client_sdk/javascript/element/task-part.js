// @ts-check
/**
 * The task on a coupon card: a ring of progress, the question with its options, the button to sign in or to
 * invite. `card.js` puts it above the claim button, and hides that button until the task is done.
 */

import { fill, h, setText, show } from "./dom.js";
import { inviteNodes } from "./invite-part.js";
import { whyText } from "../texts.js";
import { say } from "./words.js";

/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("../shapes.js").Task} Task */
/** @typedef {import("../shapes.js").TaskProgress} TaskProgress */
/**
 * What a student does for a task; each resolves when the server has answered.
 * @typedef {object} TaskActions
 * @property {(option: number) => void} answer
 * @property {() => Promise<void>} signIn
 * @property {() => Promise<string>} invite resolves with the student's own link
 */

export class TaskPart {
  /** @param {TaskActions} actions */
  constructor(actions) {
    this._actions = actions;
    this._figure = h("span", { class: "task-figure" });
    this._ring = h("div", { class: "ring", role: "progressbar", "aria-valuemin": 0 }, this._figure);
    this._title = h("p", { class: "task-title" });
    this._note = h("p", { class: "task-note" });
    this._options = h("div", { class: "options", role: "group" });
    const words = h("div", { class: "task-words" }, this._title, this._note);
    this.root = h(
      "div",
      { class: "task", hidden: true },
      h("div", { class: "task-head" }, this._ring, words),
      this._options,
    );
    /** @type {TaskProgress|null} */
    this._progress = null;
    /** When this progress came, by the server's time. */
    this._since = 0;
    /** What the options show; a button that has the focus must not be made anew. */
    this._shown = "";
    this._link = "";
    this._hasNewLink = false;
    this._busy = false;
  }

  /**
   * @param {Task|undefined} task
   * @param {TaskProgress|undefined} progress
   * @param {number} now the server's time
   * @param {Language} language
   * @param {boolean} wasRefused a claim was refused, because the task is not done
   * @returns {boolean} whether the task is still to be done
   */
  update(task, progress, now, language, wasRefused) {
    show(this.root, task !== undefined);
    if (!task) return false;
    if (progress && progress !== this._progress) [this._progress, this._since] = [progress, now];
    const known = progress ?? { done: 0, needed: task.minutes ?? task.count ?? 1, passed: false };
    this._showRing(task, known, now, language);
    setText(this._title, titleOf(task, known.passed, language));
    const isRefused = wasRefused && !known.passed && progress?.tries_left !== 0;
    setText(
      this._note,
      isRefused
        ? whyText({ reason: "task_open", kind: task.kind, ...known }, language)
        : noteOf(task, known, language),
    );
    show(this._note, this._note.textContent !== "");
    this._showOptions(task, known, language);
    return !known.passed;
  }

  /** @param {Task} task @param {Omit<TaskProgress, "drop_id">} progress @param {number} now @param {Language} language */
  _showRing(task, progress, now, language) {
    const isWatch = task.kind === "watch";
    const needed = isWatch ? progress.needed * 60 : progress.needed;
    const run =
      isWatch && !progress.passed ? Math.max(0, Math.floor((now - this._since) / 1000)) : 0;
    // Between two words of the server the ring runs by itself, and never to its end.
    const told = isWatch ? (progress.done_seconds ?? 0) : progress.done;
    const done = progress.passed ? needed : Math.min(told + run, needed - (isWatch ? 1 : 0));
    this._ring.style.setProperty("--done", String(needed ? done / needed : 0));
    const [value, most] = isWatch
      ? [Math.floor(done / 60), progress.needed]
      : [done, progress.needed];
    setText(
      this._figure,
      progress.passed ? "✓" : isWatch ? clock(needed - done) : `${value}/${most}`,
    );
    this._ring.setAttribute("aria-valuemax", String(most));
    this._ring.setAttribute("aria-valuenow", String(value));
    this._ring.setAttribute("aria-label", say(language, "task_ring", { done: value, n: most }));
  }

  /** @param {Task} task @param {Omit<TaskProgress, "drop_id">} progress @param {Language} language */
  _showOptions(task, progress, language) {
    const isOver = progress.passed || progress.tries_left === 0;
    const shown = JSON.stringify([
      task,
      isOver,
      language,
      this._link,
      this._busy,
      progress.tries_left,
    ]);
    if (shown === this._shown) return;
    this._shown = shown;
    show(this._options, !isOver);
    if (isOver) return;
    this._options.setAttribute("aria-label", task.question ?? this._title.textContent ?? "");
    fill(this._options, ...this._buttons(task, language));
    // The button that was pressed is gone.
    if (this._hasNewLink) this._options.querySelector("button")?.focus();
    this._hasNewLink = false;
  }

  /** @param {Task} task @param {Language} language @returns {Node[]} */
  _buttons(task, language) {
    switch (task.kind) {
      case "answer":
        return (task.options ?? []).map((text, option) =>
          h("button", { type: "button", onclick: () => this._actions.answer(option) }, text),
        );
      case "sign_in":
        return [this._button("task_sign_in_now", language, () => this._actions.signIn())];
      case "invite":
        return this._link
          ? inviteNodes(this._link, language)
          : [this._button("task_invite_now", language, () => this._askLink())];
      default:
        return [];
    }
  }

  /** @param {string} words @param {Language} language @param {() => Promise<void>} act */
  _button(words, language, act) {
    const press = async () => {
      if (this._busy) return;
      this._busy = true;
      try {
        await act();
      } catch {
        // The card shows what the server has; the student may press again.
      } finally {
        this._busy = false;
      }
    };
    return h("button", { class: "main", type: "button", onclick: press }, say(language, words));
  }

  async _askLink() {
    this._link = await this._actions.invite();
    this._hasNewLink = this._link !== "";
  }
}

/** @param {number} seconds */
function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** @param {Task} task @param {boolean} passed @param {Language} language */
function titleOf(task, passed, language) {
  if (passed) return say(language, "task_done");
  if (task.kind === "answer") return task.question ?? "";
  const n = task.minutes ?? task.count;
  return say(language, n === 1 ? `task_${task.kind}_one` : `task_${task.kind}`, { n: n ?? 1 });
}

/** @param {Task} task @param {Omit<TaskProgress, "drop_id">} progress @param {Language} language */
function noteOf(task, { passed, tries_left }, language) {
  if (passed) return "";
  if (task.kind === "sign_in") return "";
  if (task.kind === "invite") return say(language, "task_invite_how");
  if (task.kind !== "answer") return say(language, "task_here");
  if (tries_left === 0) return say(language, "task_no_tries");
  return say(language, "task_tries", { n: tries_left ?? 2 });
}
