// @ts-check
/**
 * One action of a teacher, from the button to its outcome. Nothing is sent while the page is
 * offline. An action without an answer shows for how long it has waited, and can be given up. An
 * action with an unknown outcome can be looked up, and is looked up by itself once the server
 * answers again. Used by the console's cards.
 */

import { errorText } from "/sdk/texts.js";
import { ApiError } from "/sdk/transport.js";
import { h, setText, show } from "/sdk/element/dom.js";
import { retryUntilAnswered } from "./retry.js";

/** @typedef {import("./drops/drop-changes.js").Change} Change */
/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").DropReport} DropReport */
/**
 * What all presses of a page share.
 * @typedef {object} ActionContext
 * @property {Language} language
 * @property {import("../shared/link-status.js").LinkStatus} line
 * @property {(signal: AbortSignal) => import("/sdk/api.js").Api} api its calls end with the signal
 * @property {(drop: DropReport) => void} put
 * @property {() => Promise<void>} look brings all figures up to date
 */
/** @typedef {"idle"|"sending"|"unknown"|"looking"} State */

/** An answer that comes sooner is not announced. */
const SHOWN_AFTER_MS = 1_000;
const TICK_MS = 250;
/** How long a request that nobody has answered may be behind the first look. */
const LATE_MS = 1_000;

/** Look once more where it was not done: a server that did not answer may have taken the request all the same,
 * and does it a moment after it has answered the first look.
 * @param {Change} change @param {import("/sdk/api.js").Api} api @returns {Promise<DropReport|null>} */
async function lookAgain(change, api) {
  const found = await change.look(api);
  if (found) return found;
  await new Promise((resolve) => setTimeout(resolve, LATE_MS));
  return change.look(api);
}

export class ActionButton {
  /** @param {ActionContext} desk */
  constructor(desk) {
    this._desk = desk;
    this._say = desk.language.say.bind(desk.language);
    /** @type {State} */
    this._state = "idle";
    this._since = 0;
    /** @type {Change|null} */
    this._change = null;
    /** The text while nothing is under way: a function, because it follows the language. */
    this._last = () => "";
    this._done = () => {};
    this._text = h("span");
    this._status = h("span", { class: "spoken", role: "status" });
    this._button = h("button", {
      type: "button",
      class: "plain-button",
      onclick: () => this._pressed(),
    });
    this.root = h("p", { class: "press", hidden: true }, this._text, this._status, this._button);
    desk.language.addEventListener("change", () => this._show());
  }

  get isBusy() {
    return this._state === "sending";
  }

  /** Return whether an action would be refused now, and say so. */
  refuses() {
    if (!this._desk.line.isOffline) return false;
    this._end(() => this._say("press_offline"));
    return true;
  }

  /**
   * @param {Change} change
   * @param {(error: ApiError) => string} [reason] the text of the server's refusal
   * @param {() => void} [done] called once it is known that it was done, however late
   */
  async run(
    change,
    reason = (error) => errorText(error.code, this._desk.language.current, error.facts),
    done = () => {},
  ) {
    if (this.isBusy || this.refuses()) return;
    this._done = done;
    this._begin("sending", change);
    const given = (this._given = new AbortController());
    try {
      const api = this._desk.api(given.signal);
      const drop = await Promise.race([
        retryUntilAnswered(() => change.send(api), { signal: given.signal }),
        ended(given.signal),
      ]);
      this._end();
      this._put(drop);
    } catch (error) {
      await this._failed(error, reason);
    }
  }

  /** @param {unknown} error @param {(error: ApiError) => string} reason */
  async _failed(error, reason) {
    const refused =
      error instanceof ApiError ? error : new ApiError("other", 0, { detail: String(error) });
    if (refused.code === "unreachable") return this._lookUp();
    await this._desk.look();
    this._end(() => reason(refused));
  }

  /** Look up whether the action was done. It stays unknown if there is no answer. */
  async _lookUp() {
    const change = this._change;
    if (!change || this._state === "looking") return;
    this._begin("looking", change);
    const given = (this._given = new AbortController());
    try {
      const found = await Promise.race([
        lookAgain(change, this._desk.api(given.signal)),
        ended(given.signal),
      ]);
      this._end(() => this._say(found ? "press_done" : "press_not_done"));
      if (found) this._put(found);
    } catch {
      this._begin("unknown", change);
    }
  }

  /** @param {DropReport} drop as the action left it */
  _put(drop) {
    this._done();
    this._desk.put(drop);
  }

  _pressed() {
    if (this._state === "unknown") void this._lookUp();
    else this._given?.abort();
  }

  /** @param {State} state @param {Change} change */
  _begin(state, change) {
    this._state = state;
    this._change = change;
    this._since = performance.now();
    clearInterval(this._timer);
    this._timer = setInterval(() => this._tick(), TICK_MS);
    this._show();
  }

  _tick() {
    if (this._state === "unknown" && this._desk.line.heardAt > this._since) void this._lookUp();
    else this._show();
  }

  /** @param {() => string} [words] */
  _end(words = () => "") {
    clearInterval(this._timer);
    this._state = "idle";
    this._change = null;
    this._last = words;
    this._show();
  }

  _show() {
    const ms = performance.now() - this._since;
    const isWaiting = this._state === "sending" || this._state === "looking";
    const [text, button] = this._words(Math.floor(ms / 1000));
    show(this.root, text !== "" && !(isWaiting && ms < SHOWN_AFTER_MS));
    setText(this._text, text);
    // Screen readers do not read the seconds; they read the outcome.
    setText(this._status, isWaiting ? "" : text);
    this._text.setAttribute("aria-hidden", String(!isWaiting));
    show(this._button, button !== "");
    setText(this._button, button);
  }

  /** @param {number} n seconds @returns {[text: string, button: string]} */
  _words(n) {
    const isCut = !this._desk.line.isLive;
    switch (this._state) {
      case "sending":
        return isCut
          ? [this._say("press_waits", { n }), this._say("take_back")]
          : [this._say("press_sending", { n }), this._say("press_give_up")];
      case "looking":
        return [this._say("press_looking", { n }), this._say("press_give_up")];
      case "unknown":
        return [this._say("press_unknown"), this._say("press_look")];
      default:
        return [this._last(), ""];
    }
  }
}

/** @param {AbortSignal} signal @returns {Promise<never>} */
function ended(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new ApiError("unreachable", 0)));
  });
}
