// @ts-check
/**
 * The card of a running drop: the state of its units, its clock, and the controls. Created once and
 * patched every second, so that the teacher's focus stays where it is. Used by the console.
 */

import { setText, show } from "/sdk/element/dom.js";
import { countdown, shortValue } from "/sdk/element/value.js";
import { errorText } from "/sdk/texts.js";
import { audienceText } from "../form/audience-text.js";
import { CodePanel } from "./code-panel.js";
import { lengthText } from "../form/cost-text.js";
import { isRunning } from "./drop-store.js";
import { liveDropNodes } from "./live-drop-nodes.js";
import { ClaimLookup } from "./claim-lookup.js";
import { ActionButton } from "../action-button.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("./drop-store.js").ShownDrop} ShownDrop */
/** @typedef {import("./drop-changes.js").Change} Change */
/** @typedef {import("/sdk/index.js").ApiError} ApiError */
/**
 * @typedef {object} DropActions
 * @property {(add: number, drop: ShownDrop) => Change} topUp
 * @property {(seconds: number, drop: ShownDrop) => Change} extend
 * @property {(drop: ShownDrop) => Change} close
 * @property {(drop: ShownDrop) => Promise<boolean>} isSure asked before a close
 * @property {(student: string) => Promise<import("/sdk/shapes.js").DropClaim|null>} find
 * @property {() => Promise<import("/sdk/shapes.js").Ticket>} ticket
 * @property {() => number} now server time, ms
 */

/** Units that are claimed but not confirmed for longer than this are reported. */
const RECORDING_AFTER_MS = 1000;

export class LiveDrop {
  /**
   * @param {ShownDrop} drop
   * @param {Language} language
   * @param {DropActions} actions
   * @param {import("../action-button.js").ActionContext} desk
   */
  constructor(drop, language, actions, desk) {
    this._drop = drop;
    this._language = language;
    this._actions = actions;
    this._line = desk.line;
    this._press = new ActionButton(desk);
    this._lookUp = new ClaimLookup(drop.id, language, actions.find);
    this._dom = liveDropNodes(
      drop.id,
      {
        topUp: (add) => this._act(actions.topUp(add, this._drop)),
        topUpTyped: () => this._topUpTyped(),
        extend: (seconds) => this._act(actions.extend(seconds, this._drop)),
        close: () => this._close(),
      },
      this._press.root,
      this._lookUp.root,
    );
    this.root = this._dom.root;
    /** Server time at which the ledger began to lag behind the desk. @type {number|null} */
    this._behindSince = null;
    this._code = new CodePanel(drop.id, language, actions.ticket, actions.now);
    this._lookUp.root.before(this._code.root);
  }

  /** @param {Change} change @param {() => void} [done] */
  _act(change, done = () => {}) {
    return this._press.run(change, (error) => this._reason(error), done);
  }

  async _close() {
    if (this._press.refuses() || !(await this._actions.isSure(this._drop))) return;
    await this._act(this._actions.close(this._drop));
  }

  /** @param {ApiError} error */
  _reason(error) {
    // The counts on the screen were old when the teacher pressed. The new ones are shown by now.
    if (error.code === "wrong_state" && isRunning(this._drop))
      return this._language.say("changed_meanwhile");
    return errorText(error.code, this._language.current, error.facts);
  }

  async _topUpTyped() {
    const { amount } = this._dom;
    const add = amount.valueAsNumber;
    const isRight = Number.isInteger(add) && add >= 1;
    amount.setAttribute("aria-invalid", String(!isRight));
    if (!isRight) return amount.focus();
    await this._act(this._actions.topUp(add, this._drop), () => {
      amount.value = "";
    });
  }

  /**
   * @param {ShownDrop} drop
   * @param {number} now server time, ms
   * @param {boolean} isPast whether the card is in the list of ended drops
   */
  update(drop, now, isPast = false) {
    this._drop = drop;
    const dom = this._dom;
    setText(
      dom.value,
      drop.discount
        ? shortValue(drop.discount, drop.currency ?? "CNY", this._language.current)
        : "",
    );
    setText(dom.name, drop.name ?? "");
    setText(dom.state, this._language.say(`state_${drop.state}`));
    this.root.dataset.state = drop.state;
    const audience = audienceText(drop, this._language);
    show(dom.audience, audience !== "");
    setText(dom.audience, audience);
    this.root.toggleAttribute("data-rehearsal", Boolean(drop.rehearsal));
    show(dom.message, Boolean(drop.message));
    setText(dom.message, drop.message ?? "");
    this._showClock(drop, now);
    this._showUnits(drop, now);
    this._showControls(drop, isPast);
    this._lookUp.translate();
    this._code.update(isRunning(drop) && !isPast);
  }

  /** @param {ShownDrop} drop @param {number} now */
  _showClock(drop, now) {
    const isWaiting = drop.state === "scheduled";
    const end = isRunning(drop) ? (isWaiting ? drop.opens_at : drop.closes_at) : null;
    const label = isWaiting ? "opens_in" : end ? "closes_in" : "clock_open_end";
    setText(this._dom.clockLabel, isRunning(drop) ? this._language.say(label) : "");
    setText(this._dom.clock, end ? countdown(Date.parse(end) - now) : "");
  }

  /** @param {ShownDrop} drop @param {number} now */
  _showUnits(drop, now) {
    const dom = this._dom;
    const say = this._language.say.bind(this._language);
    const claimed = drop.claimed ?? drop.quantity - drop.remaining;
    dom.fillBar.style.transform = `scaleX(${drop.quantity ? Math.min(1, claimed / drop.quantity) : 0})`;
    dom.meter.setAttribute("aria-valuemax", String(drop.quantity));
    dom.meter.setAttribute("aria-valuenow", String(claimed));
    dom.meter.setAttribute("aria-label", say("count_claimed"));
    const left = isRunning(drop)
      ? say("left_of", { left: drop.remaining, all: drop.quantity })
      : say("returned", { n: drop.returned ?? drop.remaining });
    const { asOf } = this._line;
    setText(dom.left, asOf ? `${left}${say("as_of_short", { at: asOf })}` : left);
    for (const { name, label, figure, box } of dom.counters) {
      // Without a limit on unused coupons no unit is ever released.
      show(box, name !== "released" || Boolean(drop.hold_seconds || drop.released));
      setText(label, say(`count_${name}`));
      setText(figure, String(name === "claimed" ? claimed : (drop[name] ?? 0)));
    }
    this._showRecording(claimed - (drop.confirmed ?? claimed), now);
    this._showBooks(drop, claimed);
    this._showApologised(drop.revoked ?? 0);
  }

  /**
   * Show how many students got an apology. Their units are in no other count, because they never
   * had one.
   * @param {number} count
   */
  _showApologised(count) {
    show(this._dom.apologised, count > 0);
    setText(this._dom.apologised, count > 0 ? this._language.say("apologised", { n: count }) : "");
  }

  /**
   * Show where all units are, and whether desk and ledger agree. A difference costs no student
   * anything, but somebody has to look into it.
   * @param {ShownDrop} drop @param {number} claimed
   */
  _showBooks(drop, claimed) {
    const { books } = this._dom;
    const say = this._language.say.bind(this._language);
    const [confirmed, redeemed, returned] = [
      drop.confirmed ?? claimed,
      drop.redeemed ?? 0,
      drop.returned ?? 0,
    ];
    const behind = Math.max(0, claimed - confirmed);
    const units = say("books", {
      all: drop.quantity,
      free: drop.remaining,
      held: claimed - behind - redeemed,
      redeemed,
      returned,
    });
    const differing = isRunning(drop) ? (drop.settled_difference ?? 0) : 0;
    books.dataset.agree = String(differing === 0);
    const verdict = differing
      ? say("books_differ", { n: differing })
      : behind
        ? say("books_behind", { n: behind })
        : say("books_agree");
    setText(books, `${units}${verdict}`);
  }

  /** @param {number} behind @param {number} now */
  _showRecording(behind, now) {
    if (behind <= 0) this._behindSince = null;
    else this._behindSince ??= now;
    const isLong = this._behindSince !== null && now - this._behindSince > RECORDING_AFTER_MS;
    setText(this._dom.recording, isLong ? this._language.say("recording", { n: behind }) : "");
  }

  /** @param {ShownDrop} drop @param {boolean} isPast */
  _showControls(drop, isPast) {
    const dom = this._dom;
    const say = this._language.say.bind(this._language);
    // A card whose drop has just ended keeps its height until it moves to the ended ones.
    show(dom.controls, isRunning(drop) || !isPast);
    dom.controls.toggleAttribute("inert", !isRunning(drop));
    setText(dom.topUpLabel, say("top_up"));
    setText(dom.extendLabel, say("extend"));
    // An open end has no end that could be moved.
    show(dom.extendRow, drop.closes !== "open_end");
    for (const { add, button } of dom.topUps) setText(button, `+${add}`);
    for (const { seconds, button } of dom.extensions)
      setText(button, `+${lengthText(seconds, this._language)}`);
    dom.amount.setAttribute("aria-label", say("top_up"));
    setText(dom.addAmount, say("top_up"));
    setText(dom.end, say(drop.state === "scheduled" ? "cancel_scheduled" : "close"));
  }
}
