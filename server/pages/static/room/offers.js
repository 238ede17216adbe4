// @ts-check
/**
 * Coupons that a teacher keeps for this student alone, to accept or decline while their time runs. The
 * open ones are read at each join, new ones come by the socket. Used by the student's page.
 */

import { Api } from "/sdk/api.js";
import { errorText } from "/sdk/texts.js";
import { drawEach, h, place, setText, show } from "/sdk/element/dom.js";
import { conditions, countdown, dateText, scopeText, shortValue } from "/sdk/element/value.js";
import { asApiError } from "../shared/api-errors.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").Offer} Offer */

const TICK_MS = 1_000;
const HOUR_MS = 3_600_000;
const OPEN = new Set(["offered", "seen"]);

export class Offers {
  /**
   * @param {import("/sdk/client.js").RoomClient} client
   * @param {() => string} getToken
   * @param {Language} language
   * @param {() => void} accepted called when a coupon has come into the wallet
   */
  constructor(client, getToken, language, accepted) {
    this._api = new Api({ url: location.origin, getToken });
    this._client = client;
    this._language = language;
    this._accepted = accepted;
    /** @type {Map<string, OfferCard>} by offer id, newest first */
    this._cards = new Map();
    /** Offers that have ended here: a late repetition does not bring them back. @type {Set<string>} */
    this._ended = new Set();
    this._box = /** @type {HTMLElement} */ (document.getElementById("offers-box"));
    this._list = /** @type {HTMLElement} */ (document.getElementById("offers"));
    this._said = /** @type {HTMLElement} */ (document.getElementById("offers-said"));
    /** The last news: a function, because it follows the language. */
    this._news = () => "";
    client.addEventListener("welcome", () => void this._load());
    client.addEventListener("offer", (event) => {
      this._take(/** @type {CustomEvent} */ (event).detail.offer, true);
    });
    client.addEventListener("offer_withdrawn", (event) => {
      const { offer_id, state } = /** @type {CustomEvent} */ (event).detail;
      this._end(offer_id, state);
    });
    language.addEventListener("change", () => this._show());
    document.addEventListener("visibilitychange", () => this._show());
    setInterval(() => this._show(), TICK_MS);
  }

  async _load() {
    try {
      const { offers } = await this._api.myOffers({ room: document.body.dataset.room });
      const open = new Set(offers.map(({ id }) => id));
      for (const id of [...this._cards.keys()]) if (!open.has(id)) this._cards.delete(id);
      for (const offer of [...offers].reverse()) this._take(offer, false);
    } catch {
      // The wallet beside says what is wrong with the connection; the next join reads again.
    }
    this._show();
  }

  /** @param {Offer} offer @param {boolean} isNews */
  _take(offer, isNews) {
    if (this._ended.has(offer.id) || this._cards.has(offer.id)) return;
    const card = new OfferCard(offer, {
      accept: () => void this._decide(card, "accept"),
      decline: () => void this._decide(card, "decline"),
    });
    this._cards = new Map([[offer.id, card], ...this._cards]);
    const { discount, currency } = /** @type {any} */ (offer.template);
    if (isNews)
      this._news = () =>
        this._say("offer_arrived", {
          value: shortValue(discount, currency, this._language.current),
        });
    this._show();
  }

  /** @param {OfferCard} card @param {"accept"|"decline"} how */
  async _decide(card, how) {
    if (card.isBusy) return;
    card.isBusy = true;
    card.error = null;
    this._show();
    const { id } = card.offer;
    try {
      const { state } = await (how === "accept"
        ? this._api.acceptOffer(id)
        : this._api.declineOffer(id));
      this._end(id, state);
    } catch (error) {
      const { code, facts } = asApiError(error);
      card.isBusy = false;
      card.error = () => errorText(code, this._language.current, facts);
      if (code === "wrong_state") this._end(id, String(facts?.state ?? "expired"));
    }
    this._show();
  }

  /** @param {string} id @param {string} state */
  _end(id, state) {
    if (OPEN.has(state) || this._ended.has(id)) return;
    this._ended.add(id);
    if (this._cards.delete(id)) {
      const key = `offer_${state}`;
      const isKnown = ["accepted", "declined", "withdrawn", "expired"].includes(state);
      this._news = isKnown ? () => this._say(key) : () => "";
    }
    if (state === "accepted") this._accepted();
    this._show();
  }

  _show() {
    const now = this._client.serverNow;
    for (const [id, card] of this._cards)
      if (Date.parse(card.offer.expires_at) <= now) this._end(id, "expired");
    const cards = [...this._cards.values()];
    drawEach(
      cards,
      (card) => card.update(now, this._language),
      () => undefined,
    );
    const held = this._list.contains(document.activeElement);
    place(
      this._list,
      cards.map(({ root }) => root),
    );
    setText(this._said, this._news());
    show(this._box, cards.length > 0 || this._news() !== "");
    if (held && !this._list.contains(document.activeElement)) this._said.focus();
    if (document.visibilityState === "visible") cards.forEach((card) => this._tellSeen(card));
  }

  /** @param {OfferCard} card */
  _tellSeen(card) {
    if (card.isSeen) return;
    card.isSeen = true;
    this._api.seeOffer(card.offer.id).catch(() => undefined); // it only helps the teacher
  }

  /** @param {string} key @param {Record<string, string>} [values] */
  _say(key, values) {
    return this._language.say(key, values);
  }
}

class OfferCard {
  /** @param {Offer} offer @param {{accept: () => void, decline: () => void}} actions */
  constructor(offer, actions) {
    this.offer = offer;
    this.isSeen = offer.state === "seen";
    this.isBusy = false;
    /** @type {(() => string)|null} */
    this.error = null;
    this._worth = h("div", { class: "worth" });
    this._name = h("strong");
    this._for = h("span");
    this._said = h("p", { class: "said" });
    this._left = h("span", { class: "kept figure" });
    this._trouble = h("p", { class: "field-error", role: "alert" });
    this._accept = h("button", { class: "main", type: "button", onclick: actions.accept });
    this._decline = h("button", { class: "quiet", type: "button", onclick: actions.decline });
    this.root = h(
      "li",
      { class: "coupon offer", "data-offer": offer.id },
      this._worth,
      h("div", { class: "facts" }, this._name, this._for, this._said, this._left),
      h("div", { class: "decide" }, this._trouble, this._accept, this._decline),
    );
  }

  /** @param {number} now of the server, ms @param {Language} language */
  update(now, language) {
    const { offer } = this;
    const { discount, currency, name, threshold, scope, deducts } = /** @type {any} */ (
      offer.template
    );
    const value = shortValue(discount, currency, language.current);
    const where = offer.course
      ? language.say("offer_for", { course: offer.course })
      : scopeText(scope, language.current);
    const rules = conditions(discount, threshold, currency, language.current, deducts);
    setText(this._worth, value);
    setText(this._name, name);
    setText(this._for, [...rules, where].filter(Boolean).join(" · "));
    setText(this._said, offer.message ? language.say("offer_said", { text: offer.message }) : "");
    show(this._said, offer.message !== "");
    setText(this._left, leftText(offer, now, language));
    setText(this._trouble, this.error?.() ?? "");
    show(this._trouble, this.error !== null);
    setText(this._accept, language.say("offer_accept"));
    setText(this._decline, language.say("offer_decline"));
    this._accept.setAttribute("aria-label", language.say("offer_accept_it", { value }));
    this._decline.setAttribute("aria-label", language.say("offer_decline_it", { value }));
    for (const button of [this._accept, this._decline])
      button.setAttribute("aria-disabled", String(this.isBusy));
  }
}

/** @param {Offer} offer @param {number} now @param {Language} language */
function leftText({ expires_at }, now, language) {
  const ms = Date.parse(expires_at) - now;
  return ms < HOUR_MS
    ? language.say("offer_left", { left: countdown(ms) })
    : language.say("offer_until", { at: dateText(expires_at, language.current) });
}
