// @ts-check
/**
 * The student's coupons at the checkout: what each saves alone and together with the selected ones,
 * a button for the best choice, what a larger cart would save, and why the others cannot be used.
 * Rows are kept by code, so that a checkbox keeps its focus.
 */

import { drawEach, fill, h, place, setText, show } from "/sdk/element/dom.js";
import { dateText, money } from "/sdk/element/value.js";
import { balancePart } from "./totals.js";
import { reasonText, discountText } from "./discount-text.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("./shop-api.js").Quote} Quote */
/** @typedef {import("./shop-api.js").Usable} Usable */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */
/** @typedef {{quote: Quote, ticked: readonly string[], wallet: ReadonlyMap<string, WalletCoupon>, courses: readonly import("./shop-api.js").Course[], language: Language}} Seen */

/** Reasons that another cart, or time, may end. The other reasons never change. */
const MAY_COME = new Set([
  "below_threshold",
  "out_of_scope",
  "saves_nothing",
  "not_yet_valid",
  "locked",
  "stopped",
]);

/** More than a few are noise. */
const MOST_PROMPTS = 3;

class Choice {
  /**
   * @param {string} code
   * @param {(code: string, isTicked: boolean) => void} ticked
   */
  constructor(code, ticked) {
    this.box = h("input", {
      type: "checkbox",
      value: code,
      onchange: () => ticked(code, this.box.checked),
    });
    this.worth = h("span", { class: "worth" });
    this.name = h("strong");
    this.facts = h("span", { class: "hint" });
    this.saves = h("span", { class: "saves figure" });
    this.adds = h("span", { class: "adds figure" });
    this.root = h(
      "li",
      null,
      h(
        "label",
        { class: "choice" },
        this.box,
        this.worth,
        h("span", { class: "what" }, this.name, this.facts),
        h("span", { class: "gain" }, this.saves, this.adds),
      ),
    );
  }

  /** @param {Usable} usable @param {Seen} seen */
  update(usable, { quote, ticked, wallet, courses, language }) {
    const isTicked = ticked.includes(usable.code);
    const inMoney = (/** @type {number} */ minor) => money(minor, quote.currency, language.current);
    this.box.checked = isTicked;
    setText(this.worth, discountText(wallet.get(usable.code), language, courses));
    setText(this.name, usable.name);
    setText(this.facts, language.say("use_by", { at: dateText(usable.use_by, language.current) }));
    setText(this.saves, alone(usable, wallet.get(usable.code), inMoney, language));
    const onTop = isTicked || quote.applied.length === 0 ? "" : onTopOf(usable, inMoney, language);
    show(this.adds, onTop !== "");
    setText(this.adds, onTop);
  }
}

export class CouponPicker {
  /**
   * @param {(code: string, isTicked: boolean) => void} ticked
   * @param {(codes: readonly string[]) => void} take the whole best choice
   */
  constructor(ticked, take) {
    this._ticked = ticked;
    /** @type {Map<string, Choice>} */
    this._rows = new Map();
    /** @type {readonly string[]} */
    this._best = [];
    this._waiting = "";
    element("best").addEventListener("click", () => take(this._best));
  }

  /** @param {Seen} seen */
  show(seen) {
    const { usable } = seen.quote;
    for (const code of this._rows.keys()) {
      if (!usable.some((each) => each.code === code)) this._rows.delete(code);
    }
    place(
      element("choices"),
      drawEach(
        usable,
        (each) => {
          const row = this._rowOf(each.code);
          row.update(each, seen);
          return row.root;
        },
        ({ code }) => this._rowOf(code).root,
      ),
    );
    this._showBest(seen);
    this._showHints(seen);
    this._showUnusable(seen);
  }

  /** @param {string} code */
  _rowOf(code) {
    const row = this._rows.get(code) ?? new Choice(code, this._ticked);
    this._rows.set(code, row);
    return row;
  }

  /** @param {Seen} seen */
  _showBest({ quote, language }) {
    const { best } = quote;
    this._best = best.codes;
    const taken = quote.discount - balancePart(quote);
    const isBetter = best.discount > taken || (best.discount === taken && isWorthMore(quote));
    const amount = money(best.discount, quote.currency, language.current);
    show(element("best"), isBetter);
    setText(element("best"), language.say("take_best", { amount }));
    show(element("best-taken"), !isBetter && taken > 0);
    setText(element("best-taken"), language.say(best.exact ? "is_best" : "is_best_found"));
  }

  /** @param {Seen} seen */
  _showHints({ quote, wallet, language }) {
    const inMoney = (/** @type {number} */ minor) => money(minor, quote.currency, language.current);
    const rows = drawEach(
      quote.hints ?? [],
      (hint) => {
        const name = wallet.get(hint.code)?.name ?? hint.code;
        const save = inMoney(hint.save_more || hint.worth || 0);
        const { spend_more, pieces_more: n = 0 } = hint;
        const key = spend_more && n ? "hint_spend_pieces" : n ? "hint_pieces" : "hint_spend";
        const more = inMoney(n ? spend_more / n : spend_more);
        return h("li", { class: "nudge" }, language.say(key, { n, more, save, name }));
      },
      ({ code }) => h("li", { class: "nudge" }, code),
    );
    fill(element("hints"), ...rows, ...promptRows(quote, inMoney, language));
  }

  /** @param {Seen} seen */
  _showUnusable({ quote, ticked, wallet, courses, language }) {
    const { unusable, currency } = quote;
    show(element("unusable-box"), unusable.length > 0);
    // A coupon that was just selected is shown, so that the student sees why it has no effect.
    const waiting = unusable
      .filter(({ code }) => ticked.includes(code))
      .map(({ code }) => code)
      .join();
    if (waiting && waiting !== this._waiting) element("unusable-box").setAttribute("open", "");
    this._waiting = waiting;
    setText(element("unusable-count"), language.say("unusable_count", { n: unusable.length }));
    const rows = drawEach(
      unusable,
      (each) => {
        const coupon = wallet.get(each.code);
        return h(
          "li",
          { class: "choice", "data-unusable": true },
          h("span", { class: "worth" }, discountText(coupon, language, courses)),
          h(
            "span",
            { class: "what" },
            h("strong", null, coupon?.name ?? each.code),
            h("span", { class: "hint" }, reasonText(each, currency, language)),
            ticked.includes(each.code) &&
              MAY_COME.has(each.reason) &&
              h("span", { class: "hint" }, language.say("waits")),
            each.reason === "locked" && h("a", { href: "/orders" }, language.say("see_orders")),
          ),
        );
      },
      ({ code }) =>
        h("li", { class: "choice", "data-unusable": true }, h("span", { class: "what" }, code)),
    );
    fill(element("unusable"), ...rows);
  }
}

/**
 * Return a row for each coupon that the student could still get, with the way there.
 * @param {Quote} quote
 * @param {(minor: number) => string} inMoney
 * @param {Language} language
 */
function promptRows({ prompts = [] }, inMoney, language) {
  return drawEach(
    prompts.slice(0, MOST_PROMPTS),
    (prompt) => {
      const { spend_more, pieces_more: n = 0, name } = prompt;
      const save = inMoney(prompt.save_more || prompt.worth || 0);
      const key = spend_more ? (n ? "prompt_pieces" : "prompt_spend") : "prompt_now";
      const more = inMoney(n ? spend_more / n : spend_more);
      const { link, room = "" } = prompt;
      const href = link ? `/c/${link}` : `/rooms/${encodeURIComponent(room)}`;
      return h(
        "li",
        { class: "nudge", "data-prompt": prompt.kind },
        language.say(key, { n, more, save, name }),
        " ",
        h("a", { href, target: "_blank" }, language.say("prompt_get")),
      );
    },
    ({ name }) => h("li", { class: "nudge" }, name),
  );
}

/**
 * Return whether the best choice, which has the same discount, gives or credits more. @param
 * {Quote} quote
 */
function isWorthMore({ best, applied, usable }) {
  const worth = new Map(usable.map((each) => [each.code, each.worth ?? 0]));
  const sum = (/** @type {readonly string[]} */ codes) =>
    codes.reduce((all, code) => all + (worth.get(code) ?? 0), 0);
  return sum(best.codes) > sum(applied.map(({ code }) => code));
}

/**
 * @param {Usable} usable
 * @param {WalletCoupon|undefined} coupon
 * @param {(minor: number) => string} inMoney
 * @param {Language} language
 */
function alone(usable, coupon, inMoney, language) {
  if (usable.discount > 0 || !usable.worth)
    return language.say("saves", { amount: inMoney(usable.discount) });
  const { discount } = /** @type {any} */ (coupon?.template ?? {});
  const key = discount?.kind === "rebate" ? "gives_back" : "gives_gift";
  return language.say(key, { amount: inMoney(usable.worth) });
}

/**
 * @param {Usable} usable
 * @param {(minor: number) => string} inMoney
 * @param {Language} language
 */
function onTopOf(usable, inMoney, language) {
  if (usable.worth && usable.fits !== false) return "";
  if (usable.fits === false) return language.say("instead");
  if (usable.adds > 0) return language.say("adds", { amount: inMoney(usable.adds) });
  return usable.fits ? language.say("adds_nothing") : language.say("instead");
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
