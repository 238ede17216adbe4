// @ts-check
/**
 * The prompt of a course page: after the reader has stayed for a while, a coupon that they could get for the
 * course comes up once. What a teacher keeps for them goes first, then links, then drops in their classes.
 *
 * Used by `<classdrop-offer course="…">`. It asks nothing before its time, and nothing without a token.
 */

import { ApiError } from "../transport.js";
import { fill, h, icon, icons } from "./dom.js";
import { bigValue, conditions, dateText, wideness } from "./value.js";
import { fillIn } from "./words.js";

/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("../shapes.js").Offer} Offer */
/** @typedef {import("../shapes.js").Way} Way */
/** @typedef {import("../shapes.js").MyOffers} MyOffers */
/** @typedef {import("../shapes.js").Template} Template */

const SECOND_MS = 1_000;
const USUAL_DWELL_SECONDS = 20;
/** Places whose prompts this browser has shown: each comes up once. */
const SHOWN = "classdrop.prompts";
const MOST_REMEMBERED = 50;

/** @type {Record<string, readonly [zh: string, en: string]>} */
const words = {
  title: ["这门课可用的优惠", "A coupon for this course"],
  only_you: ["只为你保留到 {at}", "Kept only for you until {at}"],
  until: ["{at} 前可领", "To claim until {at}"],
  accept: ["收下", "Take it"],
  get: ["去领取", "Go and get it"],
  dismiss: ["关闭", "Close"],
  taken: ["已收下，券码 {code}", "It is yours. Code: {code}"],
  failed: ["现在不行，请稍后再试。", "That did not work. Please try again later."],
  gone: ["这张优惠券已经没有了。", "This coupon is gone."],
};

/**
 * @typedef {object} PromptHost
 * @property {HTMLElement} box where the card goes
 * @property {() => Language} language
 * @property {() => Promise<import("../api.js").Api|null>} api with a token; null where there is none
 * @property {string} server
 * @property {(event: string, facts: Record<string, string>) => boolean} emit false: the page goes elsewhere
 * @property {(link: string) => HTMLElement} linkCard
 */

export class CoursePrompt {
  /** @param {string} course @param {number} dwellSeconds @param {PromptHost} host */
  constructor(course, dwellSeconds, host) {
    this._course = course;
    this._host = host;
    this._left =
      Number.isFinite(dwellSeconds) && dwellSeconds >= 0 ? dwellSeconds : USUAL_DWELL_SECONDS;
    /** Draws the card again, as after a change of the language. @type {() => void} */
    this._draw = () => {};
    this._timer = setInterval(() => this._tick(), SECOND_MS);
  }

  /** End it: nothing comes up any more. */
  stop() {
    clearInterval(this._timer);
    this._draw = () => {};
    fill(this._host.box);
  }

  /** Show what is shown in the language that is now spoken. */
  show() {
    this._draw();
  }

  /** Count a second during which the page is looked at. */
  _tick() {
    if (document.hidden) return;
    this._left -= 1;
    if (this._left > 0) return;
    clearInterval(this._timer);
    void this._comeUp();
  }

  async _comeUp() {
    const api = await this._host.api();
    if (!api) return;
    try {
      this._pick(await api.myOffers({ course: this._course }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // a prompt that does not come is no harm
    }
  }

  /** @param {MyOffers} found */
  _pick({ offers, elsewhere }) {
    const seen = remembered();
    const offer = offers.find(({ id }) => !seen.includes(id));
    const open = elsewhere.filter(
      ({ drop_id, opens_at }) => !seen.includes(drop_id) && Date.parse(opens_at) <= Date.now(),
    );
    const way = open.find(({ kind }) => kind === "link") ?? open[0];
    if (!offer && !way) return;
    const id = offer ? offer.id : way.drop_id;
    remember([...seen, id]);
    if (offer) this._showOffer(offer);
    else this._showWay(way);
    this._host.emit("prompt", { kind: offer ? "offer" : way.kind, id });
  }

  /** @param {Offer} offer */
  _showOffer(offer) {
    /** @type {[key: string, values?: Record<string, string>]} */
    let said = ["only_you"];
    let isOver = false;
    const accept = async () => {
      const api = await this._host.api();
      if (!api) return void this._host.emit("sign_in", {});
      try {
        const { coupon } = await api.acceptOffer(offer.id);
        said = ["taken", { code: coupon?.code ?? "" }];
        isOver = true;
        this._host.emit("confirmed", { offer_id: offer.id });
      } catch (error) {
        isOver = error instanceof ApiError && error.code === "wrong_state";
        said = [isOver ? "gone" : "failed"];
      }
      this._draw();
    };
    const { template, message, expires_at } = offer;
    this._draw = () => {
      const at = dateText(expires_at, this._host.language());
      const button = !isOver && this._button("accept", () => void accept());
      this._card(template, message, this._say(said[0], { at, ...said[1] }), button);
    };
    this._draw();
  }

  /** @param {Way} way */
  _showWay({ link, room, template, message, closes_at }) {
    if (link) {
      const card = this._host.linkCard(link);
      this._draw = () => this._put(h("div", { class: "prompt" }, card, this._close()));
    } else {
      const href = `${this._host.server}/rooms/${encodeURIComponent(room ?? "")}`;
      const go = (/** @type {Event} */ event) => {
        if (!this._host.emit("use", { href, code: "" })) event.preventDefault();
      };
      this._draw = () => {
        const text = this._say("until", { at: dateText(closes_at, this._host.language()) });
        const target = h("a", { class: "main", href, onclick: go }, this._say("get"));
        this._card(template, message, text, target);
      };
    }
    this._draw();
  }

  /** @param {Template} template @param {string} message @param {string} text @param {HTMLElement|false} button */
  _card(template, message, text, button) {
    const language = this._host.language();
    const { name, discount, threshold, currency, deducts } = /** @type {any} */ (template);
    const value = bigValue(discount, currency, language);
    const upper = h(
      "div",
      { class: "upper" },
      h("p", { class: "name" }, name),
      h(
        "p",
        { class: "value" },
        value.before && h("span", { class: "before" }, value.before),
        h("span", null, value.figure),
        value.after && h("span", { class: "after" }, value.after),
      ),
      h(
        "ul",
        { class: "conditions" },
        ...conditions(discount, threshold, currency, language, deducts).map((one) =>
          h("li", null, one),
        ),
      ),
      this._close(),
    );
    const number = /** @type {HTMLElement} */ (upper.querySelector(".value"));
    number.style.setProperty("--wide", String(wideness(value)));
    const lower = h(
      "div",
      { class: "lower" },
      message && h("p", { class: "message" }, message),
      h("p", { class: "figures", role: "status" }, text),
      button,
    );
    this._put(
      h(
        "section",
        { class: "card", "data-new": true, "aria-label": this._say("title") },
        upper,
        lower,
      ),
    );
  }

  /** @param {HTMLElement} card */
  _put(card) {
    const hadFocus = this._host.box.querySelector(":focus") !== null;
    fill(this._host.box, card);
    if (hadFocus) /** @type {HTMLElement|null} */ (card.querySelector("button"))?.focus();
  }

  _close() {
    const dismiss = () => {
      this.stop();
      this._host.emit("dismissed", {});
    };
    const label = this._say("dismiss");
    return h(
      "button",
      { type: "button", class: "dismiss", "aria-label": label, onclick: dismiss },
      icon(icons.close),
    );
  }

  /** @param {string} key @param {() => void} press */
  _button(key, press) {
    return h("button", { type: "button", class: "main", onclick: press }, this._say(key));
  }

  /** @param {string} key @param {Record<string, string>} [values] */
  _say(key, values) {
    return fillIn(words, this._host.language(), key, values);
  }
}

/** @returns {string[]} */
function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(SHOWN) ?? "[]");
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return [];
  }
}

/** @param {string[]} ids */
function remember(ids) {
  try {
    localStorage.setItem(SHOWN, JSON.stringify(ids.slice(-MOST_REMEMBERED)));
  } catch {
    // It comes up again with the next visit.
  }
}
