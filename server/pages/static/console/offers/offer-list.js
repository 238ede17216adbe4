// @ts-check
/** The room's offers, newest first, with their states. Read while the panel is open. Used by offer-panel.js. */

import { errorText } from "/sdk/texts.js";
import { drawEach, fill, h, setText, show } from "/sdk/element/dom.js";
import { dateText, shortValue } from "/sdk/element/value.js";
import { asApiError } from "../../shared/api-errors.js";

/** @typedef {import("/sdk/shapes.js").Offer} Offer */

const PAGE = 20;
/** No frame tells a teacher of an answer: the first page is read this often while it is looked at. */
const LOOK_MS = 5_000;
const OPEN = new Set(["offered", "seen"]);

export class OfferList {
  /**
   * @param {import("/sdk/api.js").Api} api
   * @param {string} room
   * @param {import("../../shared/language.js").Language} language
   * @param {() => boolean} isOpen
   */
  constructor(api, room, language, isOpen) {
    this._api = api;
    this._room = room;
    this._language = language;
    this._isOpen = isOpen;
    /** @type {Map<string, Offer>} by id, newest first */
    this._offers = new Map();
    /** Where the page behind the last begins; null: there is none. @type {string|null} */
    this._next = null;
    this._isLoaded = false;
    /** @type {() => string} */
    this._trouble = () => "";
    this._box = element("offers-list");
    element("offers-more").addEventListener("click", () => void this._loadMore());
    language.addEventListener("change", () => this._show());
    setInterval(() => {
      if (document.visibilityState === "visible") void this.load();
    }, LOOK_MS);
  }

  /** Read the newest offers; older ones that are shown stay. */
  async load() {
    if (!this._isOpen()) return;
    await this._try(async () => {
      const { offers, next } = await this._api.listOffers(this._room, { limit: PAGE });
      const older = [...this._offers.values()].filter(({ id }) => !offers.some((o) => o.id === id));
      this._offers = new Map([...offers, ...older].map((offer) => [offer.id, offer]));
      if (!this._isLoaded) this._next = next;
      this._isLoaded = true;
    });
  }

  async _loadMore() {
    const after = this._next;
    if (after === null) return;
    await this._try(async () => {
      const { offers, next } = await this._api.listOffers(this._room, { limit: PAGE, after });
      for (const offer of offers) this._offers.set(offer.id, offer);
      this._next = next;
    });
  }

  /** @param {string} id */
  async _withdraw(id) {
    await this._try(async () => {
      this._offers.set(id, await this._api.withdrawOffer(this._room, id));
    });
    await this.load();
  }

  /** @param {() => Promise<void>} call */
  async _try(call) {
    try {
      await call();
      this._trouble = () => "";
    } catch (error) {
      const { code, facts } = asApiError(error);
      this._trouble = () => errorText(code, this._language.current, facts);
    }
    this._show();
  }

  _show() {
    const offers = [...this._offers.values()];
    const held = /** @type {HTMLElement|null} */ (document.activeElement)?.dataset.withdraw;
    fill(this._box, ...drawEach(offers, (offer) => this._row(offer), plainRow));
    if (held)
      /** @type {HTMLElement|null} */ (
        this._box.querySelector(`[data-withdraw="${CSS.escape(held)}"]`)
      )?.focus();
    show(element("offers-none"), this._isLoaded && offers.length === 0);
    show(element("offers-more"), this._next !== null);
    setText(element("offers-trouble"), this._trouble());
    show(element("offers-trouble"), this._trouble() !== "");
  }

  /** @param {Offer} offer */
  _row({ id, student, state, template, course, expires_at, ended_at }) {
    const { current } = this._language;
    const { discount, currency } = /** @type {any} */ (template);
    const isOpen = OPEN.has(state);
    const at = dateText(isOpen ? expires_at : (ended_at ?? expires_at), current);
    const worth = [shortValue(discount, currency, current), course].filter(Boolean).join(" · ");
    return h(
      "li",
      { class: "head offered", "data-state": state, "data-offer": id },
      h(
        "div",
        { class: "grow" },
        h("strong", null, student),
        h("p", { class: "hint" }, worth),
        h("p", { class: "said-state" }, this._language.say(`offer_is_${state}`, { at })),
      ),
      isOpen &&
        h(
          "button",
          {
            type: "button",
            class: "plain-button",
            "data-withdraw": id,
            "aria-label": this._language.say("offer_withdraw_from", { student }),
            onclick: () => void this._withdraw(id),
          },
          this._language.say("offer_withdraw"),
        ),
    );
  }
}

/** Return what can be shown of an offer with unexpected content. @param {Offer} offer */
function plainRow({ student, state }) {
  return h("li", { class: "head offered" }, `${student} · ${state}`);
}

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
