// @ts-check
/** A room's history: its drops lesson by lesson, what became of each, and who claimed it. */

import { Api } from "/sdk/api.js";
import { errorText } from "/sdk/texts.js";
import { fill, h, setText, show } from "/sdk/element/dom.js";
import { dateText, money } from "/sdk/element/value.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { asApiError } from "../shared/api-errors.js";
import { Language } from "../shared/language.js";
import { showClaims } from "./drops/claim-list.js";
import { historyMessages } from "./messages-history.js";

/** @typedef {import("/sdk/shapes.js").DropReport} DropReport */

const PAGE = 50;
const room = document.body.dataset.room ?? "";

class History {
  /** @param {Api} api @param {Language} language */
  constructor(api, language) {
    this._api = api;
    this._language = language;
    /** @type {DropReport[]} */
    this._drops = [];
    /** @type {string|null} */
    this._next = null;
    this._isBusy = false;
    element("more").addEventListener("click", () => void this.load(this._next ?? undefined));
    language.addEventListener("change", () => this._show());
  }

  /** @param {string} [after] */
  async load(after) {
    if (this._isBusy) return;
    this._isBusy = true;
    let words = "";
    try {
      const { drops, next } = await this._api.listDrops(room, { limit: PAGE, after });
      this._drops = [...(after ? this._drops : []), ...drops.filter(isOver)];
      this._next = next;
      show(element("empty"), this._drops.length === 0 && next === null);
    } catch (error) {
      const { code, facts } = asApiError(error);
      words = errorText(code, this._language.current, facts);
    }
    this._isBusy = false;
    show(element("trouble"), words !== "");
    setText(element("trouble"), words);
    this._show();
  }

  _show() {
    /** @type {Map<string, DropReport[]>} */
    const days = new Map();
    for (const drop of this._drops) {
      const day = dayText(drop.opens_at ?? "", this._language.current);
      days.set(day, [...(days.get(day) ?? []), drop]);
    }
    fill(element("days"), ...[...days].map(([day, drops]) => this._day(day, drops)));
    show(element("more"), this._next !== null);
    show(element("sum-note"), this._drops.length > 1);
  }

  /** @param {string} day @param {DropReport[]} drops */
  _day(day, drops) {
    const language = this._language;
    const who = h("div", { class: "who stack" });
    const heads = ["drop", "shown", "claimed", "used", "paid", "cost"].map((key) =>
      h("th", { scope: "col" }, language.say(`col_${key}`)),
    );
    return h(
      "section",
      { class: "panel stack" },
      h("h2", null, language.say("day_of", { at: day })),
      h(
        "div",
        { class: "scroll", tabindex: "0" },
        h(
          "table",
          { class: "figures" },
          h("thead", null, h("tr", null, ...heads)),
          h("tbody", null, ...drops.map((drop) => this._row(drop, who))),
          h("tfoot", null, ...this._sums(drops)),
        ),
      ),
      who,
    );
  }

  /** @param {DropReport} drop @param {Element} who */
  _row(drop, who) {
    const { current } = this._language;
    const name = h("button", { class: "link", type: "button" }, drop.name);
    name.setAttribute("aria-label", this._language.say("open_drop", { name: drop.name }));
    name.addEventListener("click", () => void showClaims(who, drop, this._api, this._language));
    return h(
      "tr",
      { "data-drop": drop.id },
      h(
        "th",
        { scope: "row" },
        name,
        h("span", { class: "hint" }, dateText(drop.opens_at ?? "", current)),
      ),
      ...figures(drop, current),
    );
  }

  /** One line for each currency: money of two is not added up. @param {DropReport[]} drops */
  _sums(drops) {
    return [...new Set(drops.map(({ currency }) => currency))].map((currency) => {
      const of = drops.filter((drop) => drop.currency === currency);
      const sum = (/** @type {(drop: DropReport) => number} */ part) =>
        of.reduce((all, drop) => all + part(drop), 0);
      const all = {
        currency,
        reached: sum(({ reached }) => reached),
        confirmed_total: sum(({ confirmed_total }) => confirmed_total),
        redeemed_total: sum(({ redeemed_total }) => redeemed_total),
        gmv: sum(({ gmv }) => gmv),
        discount_total: sum(({ discount_total }) => discount_total),
      };
      return h(
        "tr",
        null,
        h("th", { scope: "row" }, this._language.say("day_sum")),
        ...figures(all, this._language.current),
      );
    });
  }
}

/**
 * @param {Pick<DropReport, "reached"|"confirmed_total"|"redeemed_total"|"gmv"|"discount_total"|"currency">} drop
 * @param {"zh"|"en"} language
 */
function figures(drop, language) {
  const inMoney = (/** @type {number} */ minor) => money(minor, drop.currency, language);
  return [
    String(drop.reached),
    String(drop.confirmed_total),
    String(drop.redeemed_total),
    inMoney(drop.gmv),
    inMoney(drop.discount_total),
  ].map((text) => h("td", null, text));
}

/** A drop that has opened, for everybody. @param {DropReport} drop */
const isOver = ({ opens_at, rehearsal, openings }) =>
  !rehearsal && openings > 0 && opens_at !== null;

/** @param {string} instant @param {"zh"|"en"} language */
function dayText(instant, language) {
  const at = new Date(instant);
  return Number.isNaN(at.getTime())
    ? ""
    : new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", { dateStyle: "long" }).format(at);
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const language = new Language(historyMessages);
language.switchWith(element("language"));
element("to-console").setAttribute("href", `/console/${encodeURIComponent(room)}`);
const token = admit(`console/${room}`, ["instructor", "operator"], language);
if (token) {
  const getToken = once(token, expiryNotice(language));
  void new History(new Api({ url: location.origin, getToken }), language).load();
}
