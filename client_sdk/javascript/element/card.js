// @ts-check
/**
 * One coupon card in the DOM. It is built once and then patched, so that focus and animations are kept.
 * `<classdrop-room>` makes it. It decides nothing; `card-view.js` does.
 */

import { cardNodes } from "./card-nodes.js";
import { cardView, dropFacts, phaseOf } from "./card-view.js";
import { fill, h, setText, show } from "./dom.js";
import { ticketColours } from "./style.js";
import { TaskPart } from "./task-part.js";
import { bigValue, wideness } from "./value.js";
import { say } from "./words.js";

/** @typedef {import("./card-view.js").CardView} CardView */
/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("../shapes.js").Drop} Drop */
/** @typedef {import("../shapes.js").Claim} Claim */
/** @typedef {import("../shapes.js").Coupon} Coupon */
/**
 * @typedef {object} CardActions
 * @property {() => void} claim
 * @property {() => void} dismiss
 * @property {import("./task-part.js").TaskActions} [task] where the caller can do tasks
 * @property {(event: Event, href: string, code: string) => void} use
 */

/** @type {import("./task-part.js").TaskActions} */
const NO_TASKS = { answer: () => {}, signIn: async () => {}, invite: async () => "" };

export class CouponCard {
  /**
   * @param {Drop} drop
   * @param {CardActions} actions
   */
  constructor(drop, actions) {
    this._actions = actions;
    this._dom = cardNodes(`name-${drop.id}`, {
      claim: () => this._press(),
      dismiss: actions.dismiss,
      copy: () => void this._copyCode(),
      use: (event) => actions.use(event, this._dom.use.href, this._dom.code.textContent ?? ""),
    });
    this.root = this._dom.root;
    this._task = new TaskPart(actions.task ?? NO_TASKS);
    /** Whether the last claim came before the task was done. */
    this._wasTooSoon = false;
    this._dom.button.before(this._task.root);
    /** A button is shown, unless a task is still to be done. */
    this._hasButton = false;
    /** @type {Drop|null} */
    this._drop = null;
    /** @type {Language} */
    this._language = "en";
    /** @type {import("./card-view.js").Phase|null} */
    this._phase = null;
    /** The server's time at which this phase began. */
    this._since = 0;
    /** The headline that is shown; null before the first update. @type {string|null} */
    this._told = null;
  }

  /**
   * @param {Drop} drop
   * @param {Claim|undefined} claim
   * @param {Omit<import("./card-view.js").Moment, "since">} moment
   * @param {Language} language
   * @param {(coupon: Coupon) => string} hrefOf where "use now" goes
   * @returns {string} what has just become true and should be said aloud; empty where nothing has
   */
  update(drop, claim, moment, language, hrefOf) {
    if (this._drop !== drop || this._language !== language) this._showDrop(drop, language);
    const phase = phaseOf(drop, claim);
    this._wasTooSoon = claim?.outcome === "task_open";
    if (phase !== this._phase) this._since = moment.now;
    this.root.toggleAttribute("data-why", claim?.state === "refused" && claim.why !== undefined);
    const view = cardView(drop, claim, { ...moment, since: this._since }, language);
    this._showClock(view);
    const told = JSON.stringify([
      phase,
      view.button,
      view.headline,
      view.note,
      language,
      view.coupon,
    ]);
    if (told === this._told) return "";
    const isFirst = this._told === null;
    this._told = told;
    this._showResult(view, hrefOf);
    return isFirst ? "" : this._news(view);
  }

  /**
   * Show the task of the drop, and the claim button only once that is done.
   * @param {Drop} drop
   * @param {import("../shapes.js").TaskProgress|undefined} progress
   * @param {number} now the server's time
   * @param {Language} language
   */
  updateTask(drop, progress, now, language) {
    const isWanted =
      this._phase === "open" || this._phase === "scheduled" || this._phase === "again";
    const task = isWanted ? drop.task : undefined;
    const isOpen = this._task.update(task, progress, now, language, this._wasTooSoon);
    show(this._dom.button, this._hasButton && !isOpen);
  }

  /** Show who got a coupon, where the drop tells. @param {string} text empty: nobody yet */
  updateWinners(text) {
    show(this._dom.winners, text !== "");
    setText(this._dom.winners, text);
    this.root.toggleAttribute("data-winners", text !== "");
  }

  /** @param {CardView} view */
  _news({ button, headline, note }) {
    const { value } = dropFacts(/** @type {Drop} */ (this._drop), this._language);
    const isClaimable = button?.enabled && !headline;
    const first = isClaimable
      ? say(this._language, "claimable_now", { value })
      : button?.busy
        ? button.text
        : "";
    return [first, headline, note].filter(Boolean).join(" ");
  }

  /** Show the parts of a drop that can be shown although another part has an unknown form. @param {Drop} drop */
  showPlain(drop) {
    const { name, fold, conditions } = this._dom;
    setText(name, String(drop.name ?? ""));
    show(fold, false);
    show(conditions, false);
    this.root.dataset.phase = "unknown";
  }

  /** The label of this card in the bar at the bottom; null where there is no button to press. */
  get claimable() {
    const { button } = this._dom;
    if (!this._drop || button.hidden || button.getAttribute("aria-disabled") === "true")
      return null;
    const { value } = dropFacts(this._drop, this._language);
    return { id: this._drop.id, text: button.textContent ?? "", value, button };
  }

  get button() {
    return this._dom.button;
  }

  /** Fold the card to one line where there is nothing to do. A focus on a folded part moves to the headline.
   * @param {boolean} isLine */
  setLine(isLine) {
    if (this.root.hasAttribute("data-line") === isLine) return;
    this.root.toggleAttribute("data-line", isLine);
    const { headline, dismiss } = this._dom;
    if (isLine && this.root.matches(":focus-within") && !dismiss.matches(":focus"))
      headline.focus({ preventScroll: true });
  }

  /**
   * @param {Drop} drop
   * @param {Language} language
   */
  _showDrop(drop, language) {
    this._drop = drop;
    this._language = language;
    const dom = this._dom;
    const facts = dropFacts(drop, language);
    const value = facts.value
      ? bigValue(drop.discount, drop.currency, language)
      : { before: "", figure: "", after: "" };
    show(dom.rehearsal, Boolean(drop.rehearsal));
    setText(dom.rehearsal, drop.rehearsal ? say(language, "rehearsal") : "");
    setText(dom.name, drop.name);
    dom.value.style.setProperty("--wide", String(wideness(value)));
    setText(dom.before, value.before);
    setText(dom.figure, value.figure);
    setText(dom.after, value.after);
    fill(dom.conditions, ...facts.conditions.map((text) => h("li", null, text)));
    fill(dom.details, ...facts.details.map((text) => h("li", null, text)));
    show(dom.fold, facts.details.length > 0);
    setText(dom.more, say(language, "details"));
    show(dom.message, Boolean(drop.message));
    setText(dom.who, say(language, "from_teacher"));
    setText(dom.words, drop.message ?? "");
    dom.dismiss.setAttribute("aria-label", say(language, "dismiss"));
    this._dress(drop.style);
  }

  /** @param {import("../shapes.js").Style|undefined} style */
  _dress(style) {
    const { root, artwork } = this._dom;
    const colours = ticketColours(style?.colour);
    if (colours) {
      root.style.setProperty("--ticket", colours.ticket);
      root.style.setProperty("--ticket-ink", colours.ink);
    }
    const image = style?.image ?? "";
    if (image === (artwork.getAttribute("src") ?? "")) return;
    artwork.src = image;
    show(artwork, Boolean(image));
  }

  /** @param {CardView} view */
  _showClock({ clock, left }) {
    const dom = this._dom;
    show(dom.figures, Boolean(clock || left));
    show(dom.clockBox, Boolean(clock));
    setText(dom.clockLabel, clock?.label ?? "");
    setText(dom.clock, clock?.text ?? "");
    setText(dom.left, left);
  }

  /**
   * @param {CardView} view
   * @param {(coupon: Coupon) => string} hrefOf
   */
  _showResult(view, hrefOf) {
    const dom = this._dom;
    const isHeld = this._hasFocus();
    this.root.dataset.phase = view.phase;
    this.root.toggleAttribute("data-quiet", view.quiet);
    show(dom.headline, Boolean(view.headline));
    setText(dom.headline, view.headline);
    dom.headline.toggleAttribute("data-good", view.good);
    show(dom.note, Boolean(view.note));
    setText(dom.note, view.note);
    this._showCoupon(view.coupon, hrefOf);
    if (isHeld && !view.button) (view.coupon && !dom.use.hidden ? dom.use : dom.headline).focus();
    this._showButton(view.button);
    this._phase = view.phase;
  }

  /** Return whether the focus is where the claim put it: on the button, or on its result. */
  _hasFocus() {
    const { button, headline } = this._dom;
    const root = this.root.getRootNode();
    const focused = root instanceof ShadowRoot ? root.activeElement : null;
    return focused === button || focused === headline;
  }

  /** @param {CardView["button"]} view */
  _showButton(view) {
    const { button } = this._dom;
    this._hasButton = view !== null;
    show(button, view !== null);
    if (!view) return;
    setText(button, view.text);
    // Not `disabled`: the button that was just pressed would lose its focus.
    button.setAttribute("aria-disabled", String(!view.enabled));
    button.toggleAttribute("data-busy", view.busy);
  }

  /**
   * @param {Coupon|null} coupon
   * @param {(coupon: Coupon) => string} hrefOf
   */
  _showCoupon(coupon, hrefOf) {
    const dom = this._dom;
    show(dom.owned, coupon !== null);
    if (!coupon) return;
    setText(dom.code, coupon.code);
    setText(dom.copyText, say(this._language, "copy"));
    setText(dom.useText, say(this._language, "use_now"));
    setText(dom.useHint, say(this._language, "opens_new_tab"));
    show(dom.use, !this._drop?.rehearsal);
    dom.use.href = hrefOf(coupon);
  }

  _press() {
    if (this._dom.button.getAttribute("aria-disabled") !== "true") this._actions.claim();
  }

  async _copyCode() {
    const { code, copyText } = this._dom;
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      setText(copyText, say(this._language, "copied"));
    } catch {
      // A frame without the permission cannot copy. The code is selectable, and the text says so.
      setText(copyText, say(this._language, "copy_by_hand"));
    }
  }

  /** Move the focus here when the card is shown again. */
  focus() {
    const { use, button, dismiss, owned } = this._dom;
    if (!owned.hidden && !use.hidden) use.focus();
    else (button.hidden ? dismiss : button).focus();
  }
}
