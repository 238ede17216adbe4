// @ts-check
/**
 * `<classdrop-room room="algebra" lang="zh">`: the coupons of one room as cards, live.
 *
 * For the student page, the embed page and the school's own pages:
 *
 *     import "https://classdrop.school.example/sdk/room-element.js";
 *     const element = document.querySelector("classdrop-room");
 *     element.getToken = () => fetch("/my-classdrop-token").then((answer) => answer.text());
 *
 * Attributes: `room`; `server` (the address of Classdrop; this module's origin if absent); `lang` (the
 * browser's if absent); `compact`; `scheme` (`light`, `dark`, `auto`). It sets `data-empty` on itself while it has nothing to show.
 *
 * Events, all named `classdrop`, `detail.event` one of: `opened`, `won`, `confirmed`, `closed`,
 * `released`, `revoked` (with `drop_id`), `changed` (a coupon was put on an order, used, freed: with `coupon_id`,
 * `state` and, where a drop gave it, `drop_id`), and `use` (with `href`, `code`; cancel it to go elsewhere).
 * `client` is the RoomClient beneath, for presence and connection state; `reach` knows whether the server
 * can be reached at all.
 *
 * @module
 */

import { RoomClient } from "./client.js";
import { CouponCard } from "./element/card.js";
import { dropFacts } from "./element/card-view.js";
import { ClaimBar } from "./element/claim-bar.js";
import { drawEach, h, icon, icons, place, setText } from "./element/dom.js";
import { held, inOrder, isLine } from "./element/order.js";
import { Reach } from "./element/reach.js";
import { Stillness } from "./element/stillness.js";
import { dress } from "./element/style.js";
import { useHref } from "./element/use-link.js";
import { clockText } from "./element/value.js";
import { Winners } from "./element/winners.js";
import { say, spoken } from "./element/words.js";

/** @typedef {import("./shapes.js").Drop} Drop */
/** @typedef {import("./element/words.js").Language} Language */

const TICK_MS = 250;
const CLAIM_EVENTS = new Set(["won", "confirmed", "released", "revoked"]);

export class ClassdropRoom extends HTMLElement {
  static observedAttributes = ["lang"];

  constructor() {
    super();
    /** Called for a token at the start and whenever one has expired. @type {(() => string|Promise<string>)|null} */
    this._getToken = null;
    /** @type {RoomClient|null} */
    this.client = null;
    /** @type {Reach|null} */
    this.reach = null;
    /** @type {Map<string, CouponCard>} */
    this._cards = new Map();
    /** @type {Set<string>} */
    this._dismissed = new Set();
    /** Drop id to the claim's state of the last event. @type {Map<string, string>} */
    this._toldStates = new Map();
    /** Coupon id to the coupon's version of the last event. @type {Map<string, number>} */
    this._toldVersions = new Map();
    const root = this.attachShadow({ mode: "open" });
    dress(root);
    this._tray = h("div", { class: "tray" });
    this._list = h("div", { class: "cards", role: "group" });
    // A screen reader announces each result once, and no clocks or counts.
    this._said = h("p", { class: "spoken", role: "status", "aria-live": "polite" });
    this._still = new Stillness();
    this._winners = new Winners();
    this._bar = new ClaimBar((dropId) => this._claimFromBar(dropId));
    root.append(this._list, this._tray, this._bar.root, this._said);
    this._onScreen = new IntersectionObserver((entries) => this._tellSeen(entries), {
      threshold: 0.5,
    });
  }

  set getToken(getToken) {
    this._getToken = getToken;
    this._begin();
  }

  get getToken() {
    return this._getToken;
  }

  /** @returns {Language} */
  get language() {
    const wanted = this.getAttribute("lang");
    return spoken(wanted ? [wanted] : navigator.languages);
  }

  connectedCallback() {
    this.toggleAttribute("data-empty", this._cards.size === 0);
    this._still.listen("addEventListener");
    this._begin();
  }

  disconnectedCallback() {
    this._still.listen("removeEventListener");
    clearInterval(this._timer);
    this.client?.stop();
    this.client = null;
  }

  attributeChangedCallback() {
    this._show();
  }

  _begin() {
    const room = this.getAttribute("room");
    if (this.client || !this.isConnected || !this._getToken || !room) return;
    this.reach ??= new Reach(this._server);
    const api = this.reach.api(this._getToken);
    this._api = api;
    this.client = new RoomClient({ url: this._server, room, getToken: this._getToken, api });
    this.reach.listenTo(this.client);
    this.client.addEventListener("change", () => this._show());
    this.client.addEventListener("welcome", () => this._winners.forget());
    this.client.addEventListener("winners", (event) => {
      this._winners.add(/** @type {CustomEvent} */ (event).detail);
      this._show();
    });
    this.client.addEventListener("drop_opened", (event) => this._announce(detailOf(event).drop));
    this.client.addEventListener("drop_closed", (event) =>
      this._emit("closed", { drop_id: detailOf(event).drop.id }),
    );
    this.client.addEventListener("claim", (event) => this._emitClaim(detailOf(event).claim));
    this.client.addEventListener("coupon", (event) => this._emitCoupon(detailOf(event).coupon));
    this._timer = setInterval(() => this._show(), TICK_MS);
    this.client.start();
  }

  get _server() {
    return this.getAttribute("server") ?? new URL(import.meta.url).origin;
  }

  /** Update the DOM. It costs little where nothing has changed. */
  _show() {
    if (!this.client) return;
    const { drops, claims, tasks } = this.client.state;
    const shown = inOrder(drops, claims);
    const moment = this._moment();
    this._forget(new Set(drops.map((drop) => drop.id)));
    drawEach(
      shown,
      (drop) => {
        this._update(drop, claims[drop.id], moment);
        this._cardOf(drop).updateTask(drop, tasks[drop.id], moment.now, this.language);
        this._cardOf(drop).updateWinners(this._winners.text(drop.id, this.language));
      },
      (drop) => this._cardOf(drop).showPlain(drop),
    );
    this._arrange(shown, claims);
    this._list.setAttribute("aria-label", say(this.language, "cards"));
    this.toggleAttribute("data-empty", shown.length === 0);
  }

  /**
   * @param {Drop} drop
   * @param {import("./shapes.js").Claim|undefined} claim
   * @param {Omit<import("./element/card-view.js").Moment, "since">} moment
   */
  _update(drop, claim, moment) {
    const hrefOf = (/** @type {import("./shapes.js").Coupon} */ coupon) =>
      useHref(coupon.use_url ?? drop.use_url, coupon.code, this._server);
    const news = this._cardOf(drop).update(drop, claim, moment, this.language, hrefOf);
    if (news && !this._dismissed.has(drop.id)) this._say(news);
  }

  /** Return the server's time, and whether the state that is shown is current. */
  _moment() {
    const client = /** @type {RoomClient} */ (this.client);
    const seen = this.reach?.seen(client.state.status) ?? "live";
    const out =
      seen === "live"
        ? null
        : seen === "offline"
          ? /** @type {const} */ ("offline")
          : /** @type {const} */ ("cut");
    return { now: client.serverNow, out, asOf: clockText(this.reach?.heardTime ?? 0) };
  }

  /** @param {Set<string>} known */
  _forget(known) {
    for (const [id, card] of this._cards) {
      if (known.has(id)) continue;
      this._onScreen.unobserve(card.root);
      this._bar.forget(card.button);
      this._cards.delete(id);
      this._dismissed.delete(id);
    }
  }

  /** @param {Drop} drop */
  _cardOf(drop) {
    let card = this._cards.get(drop.id);
    if (!card) {
      card = new CouponCard(drop, {
        claim: () => this._claim(drop.id),
        dismiss: () => this._dismiss(drop.id),
        task: this._taskActions(drop.id),
        use: (event, href, code) => this._use(event, href, code),
      });
      card.root.dataset.drop = drop.id;
      this._cards.set(drop.id, card);
      this._onScreen.observe(card.root);
      this._bar.observe(card.button);
    }
    return card;
  }

  /**
   * Move and fold cards only while the reader does not touch the page, so that a tap hits the card that was
   * under it. Cards that were put aside are shown as chips.
   * @param {Drop[]} drops in the order they should stand
   * @param {Record<string, import("./shapes.js").Claim>} claims
   */
  _arrange(drops, claims) {
    const open = drops.filter((drop) => !this._dismissed.has(drop.id));
    const cards = open.map((drop) => /** @type {CouponCard} */ (this._cards.get(drop.id)));
    const roots = cards.map(({ root }) => root);
    const { isStill } = this._still;
    place(
      this._list,
      isStill ? roots : held(roots, /** @type {HTMLElement[]} */ ([...this._list.children])),
    );
    if (isStill) cards.forEach((card, i) => card.setLine(isLine(open[i], claims[open[i].id])));
    this._bar.update(
      this.hasAttribute("compact") ? [] : cards.flatMap(({ claimable }) => claimable ?? []),
    );
    place(
      this._tray,
      drops.filter((drop) => this._dismissed.has(drop.id)).map((drop) => this._chipOf(drop)),
    );
  }

  /** @param {Drop} drop */
  _chipOf(drop) {
    const { value } = dropFacts(drop, this.language);
    const known = [...this._tray.children].find(
      (chip) => /** @type {HTMLElement} */ (chip).dataset.drop === drop.id,
    );
    const chip =
      known ??
      h(
        "button",
        {
          class: "chip",
          type: "button",
          "data-drop": drop.id,
          onclick: () => this._bringBack(drop.id),
        },
        icon(icons.coupon),
        h("span"),
      );
    setText(/** @type {Element} */ (chip.lastElementChild), value);
    chip.setAttribute("aria-label", say(this.language, "bring_back", { value }));
    return chip;
  }

  /** @param {string} dropId */
  _dismiss(dropId) {
    this._dismissed.add(dropId);
    this._show();
    /** @type {HTMLElement|null} */ (
      this._tray.querySelector(`[data-drop="${CSS.escape(dropId)}"]`)
    )?.focus();
  }

  /** @param {string} dropId */
  _bringBack(dropId) {
    this._dismissed.delete(dropId);
    this._show();
    this._cards.get(dropId)?.focus();
  }

  /** @param {string} dropId @returns {import("./element/task-part.js").TaskActions} */
  _taskActions(dropId) {
    return {
      answer: (option) => this.client?.answer(dropId, option),
      signIn: async () => {
        if (this._api) this.client?.learnTask(await this._api.signIn(dropId));
      },
      invite: async () => {
        if (!this._api) return "";
        const { code, url, ...progress } = await this._api.invite(dropId);
        this.client?.learnTask(progress);
        return url;
      },
    };
  }

  /** @param {string} dropId */
  _claim(dropId) {
    // The card shows the client's state. A call that a closing page cuts off is no error.
    this.client?.claim(dropId).catch(() => {});
  }

  /** Claim, and scroll to the card, which shows the result. @param {string} dropId */
  _claimFromBar(dropId) {
    const card = this._cards.get(dropId);
    this._claim(dropId);
    card?.focus();
    card?.root.scrollIntoView({ block: "center" });
  }

  /**
   * @param {Event} event
   * @param {string} href
   * @param {string} code
   */
  _use(event, href, code) {
    if (!this._emit("use", { href, code })) event.preventDefault();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  _tellSeen(entries) {
    for (const { isIntersecting, target } of entries) {
      const dropId = /** @type {HTMLElement} */ (target).dataset.drop;
      if (isIntersecting && dropId) this.client?.seen(dropId);
    }
  }

  /** @param {Drop} drop */
  _announce(drop) {
    const { value, conditions } = dropFacts(drop, this.language);
    const first = say(this.language, "arrived", { value, name: drop.name });
    this._say([first, ...conditions, drop.message].filter(Boolean).join(". "));
    this._emit("opened", { drop_id: drop.id });
  }

  /** @param {string} text */
  _say(text) {
    setText(this._said, text);
  }

  /** @param {import("./shapes.js").Claim} claim */
  _emitClaim(claim) {
    const { drop_id, coupon } = claim;
    if (this._toldStates.get(drop_id) === claim.state) {
      // Only its coupon has moved. A wallet or a welcome may have said so before the frame does.
      if (coupon) this._emitCoupon({ ...coupon, coupon_id: coupon.id, drop_id });
      return;
    }
    this._toldStates.set(drop_id, claim.state);
    if (coupon) this._toldVersions.set(coupon.id, coupon.version ?? 0);
    if (CLAIM_EVENTS.has(claim.state)) this._emit(claim.state, { drop_id });
  }

  /**
   * Tell of a coupon's move, once: a claim and a frame may both report it.
   *
   * @param {{coupon_id: string, drop_id?: string, state?: string, version?: number}} change
   */
  _emitCoupon({ coupon_id, drop_id, state = "usable", version = Infinity }) {
    if (version <= (this._toldVersions.get(coupon_id) ?? -1)) return;
    if (version !== Infinity) this._toldVersions.set(coupon_id, version);
    this._emit("changed", { coupon_id, state, ...(drop_id ? { drop_id } : {}) });
  }

  /**
   * @param {string} event
   * @param {Record<string, string>} facts
   * @returns {boolean} false where a listener cancelled it
   */
  _emit(event, facts) {
    const detail = { event, ...facts };
    return this.dispatchEvent(
      new CustomEvent("classdrop", { detail, bubbles: true, composed: true, cancelable: true }),
    );
  }
}

/** @param {Event} event @returns {any} */
const detailOf = (event) => /** @type {CustomEvent} */ (event).detail;

if (!customElements.get("classdrop-room")) customElements.define("classdrop-room", ClassdropRoom);
