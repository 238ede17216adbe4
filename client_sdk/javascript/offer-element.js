// @ts-check
/**
 * `<classdrop-offer link="7q2k9xhd3m" lang="zh">`: the coupon of a link as a card, to claim on any page.
 *
 * For our own claim page and the school's pages:
 *
 *     import "https://classdrop.school.example/sdk/offer-element.js";
 *     const element = document.querySelector("classdrop-offer");
 *     element.getToken = () => fetch("/my-classdrop-token").then((answer) => answer.text());
 *
 * Attributes: `link` (the name in the link's address, or its id), or `ticket` (of the changing QR code of a
 * room); `server` (this module's origin if absent); `lang` (the browser's if absent). It sets `data-state` on
 * itself: `loading`, the link's state, `missing`, or `expired` for a ticket that is over. It works without a
 * token until somebody presses the button.
 *
 * Events, all named `classdrop`, `detail.event` one of: `state` (with `state`, `reason`), `sign_in` (the button
 * was pressed and there is no token, or an old one), `won`, `confirmed`, `entered` (with `drop_id`), `refused` (with
 * `outcome`), and `use` (with `href`, `code`; cancel it to go elsewhere).
 *
 * `<classdrop-offer course="algebra-2" dwell-seconds="20">` is the prompt of a course page: it is empty until the
 * reader has looked at the page for so long; then a coupon that they could get for the course comes up, each one
 * once. It needs `getToken`. More events: `prompt` (with `kind`, `id`), `dismissed`.
 *
 * @module
 */

import { Api } from "./api.js";
import { CouponCard } from "./element/card.js";
import { h, setText } from "./element/dom.js";
import { ofLink, ofTicket, stateOfError } from "./element/offer-source.js";
import { dress } from "./element/style.js";
import { useHref } from "./element/use-link.js";
import { spoken } from "./element/words.js";
import { ApiError, newRequestId } from "./transport.js";

/** @typedef {import("./shapes.js").Drop} Drop */
/** @typedef {import("./element/offer-source.js").OfferCard} OfferCard */
/** @typedef {import("./shapes.js").Claim} Claim */
/** @typedef {import("./shapes.js").ClaimReply} ClaimReply */
/** @typedef {import("./element/words.js").Language} Language */

const TICK_MS = 250;
const READ_EVERY_MS = 10_000;
const CONFIRM_EVERY_MS = 700;
const TRY_AGAIN_MS = 1_000;
const NEEDS_SIGN_IN = new Set(["token_missing", "token_invalid", "token_expired", "wrong_role"]);

export class ClassdropOffer extends HTMLElement {
  static observedAttributes = ["lang"];

  constructor() {
    super();
    /** Called for a token when the button is pressed, and when one has expired; empty where there is none.
     * @type {(() => string|Promise<string>)|null} */
    this.getToken = null;
    /** @type {OfferCard|null} */
    this._card = null;
    /** @type {Claim|undefined} */
    this._claim = undefined;
    /** @type {CouponCard|null} */
    this._shown = null;
    /** Of a course page. @type {import("./element/course-prompt.js").CoursePrompt|null} */
    this._prompt = null;
    this._requestId = "";
    /** What this browser gives to a draw, the same in every repetition. */
    this._random = newRequestId();
    /** @type {import("./shapes.js").TaskProgress|undefined} */
    this._progress = undefined;
    /** The state and reason of the last event. */
    this._told = "";
    /** The drop that was read, and as it is shown. @type {{of: Drop, now: Drop}|null} */
    this._drop = null;
    const root = this.attachShadow({ mode: "open" });
    dress(root);
    this._list = h("div", { class: "cards" });
    this._said = h("p", { class: "spoken", role: "status", "aria-live": "polite" });
    root.append(this._list, this._said);
  }

  /** @returns {Language} */
  get language() {
    const wanted = this.getAttribute("lang");
    return spoken(wanted ? [wanted] : navigator.languages);
  }

  connectedCallback() {
    const course = this.getAttribute("course");
    if (course !== null) {
      void this._startPrompt(course);
      return;
    }
    this.dataset.state = "loading";
    this._timer = setInterval(() => this._show(), TICK_MS);
    this._reading = setInterval(() => void this._read(), READ_EVERY_MS);
    void this._read().then(() => this._countVisit());
  }

  /** @param {string} course */
  async _startPrompt(course) {
    const { CoursePrompt } = await import("./element/course-prompt.js");
    if (!this.isConnected) return;
    this._prompt?.stop();
    const dwell = parseFloat(this.getAttribute("dwell-seconds") ?? "");
    this._prompt = new CoursePrompt(course, dwell, {
      box: this._list,
      language: () => this.language,
      api: async () => {
        const token = await this._token();
        return token ? this._api(token) : null;
      },
      server: this._server,
      emit: (event, facts) => this._emit(event, facts),
      linkCard: (link) => {
        const card = new ClassdropOffer();
        for (const [name, value] of Object.entries({ link, server: this._server }))
          card.setAttribute(name, value);
        card.lang = this.language;
        card.getToken = () => this._token();
        return card;
      },
    });
  }

  disconnectedCallback() {
    this._prompt?.stop();
    clearInterval(this._timer);
    clearInterval(this._reading);
    this._shown = null;
    this._list.replaceChildren();
  }

  attributeChangedCallback() {
    this._prompt?.show();
    this._show();
  }

  /** Claim the coupon. The same as a press of the button. */
  async claim() {
    if (!this._card || this._claim?.state === "pending") return;
    const token = await this._token();
    if (!token) {
      this._emit("sign_in", {});
      return;
    }
    this._requestId ||= newRequestId();
    this._moveTo({ state: "pending" });
    await this._send(this._api(token));
  }

  get _source() {
    const ticket = this.getAttribute("ticket");
    return ticket === null ? ofLink(this.getAttribute("link") ?? "") : ofTicket(ticket);
  }

  get _server() {
    return this.getAttribute("server") ?? new URL(import.meta.url).origin;
  }

  async _token() {
    try {
      return (await this.getToken?.()) ?? "";
    } catch {
      return "";
    }
  }

  /** @param {string} [token] */
  _api(token = "") {
    return new Api({ url: this._server, getToken: () => token });
  }

  /** Send the claim until it is decided, and then until the coupon is there. @param {Api} api */
  async _send(api) {
    while (this.isConnected) {
      try {
        const reply = await this._source.claim(api, this._requestId, this._random);
        if (!this._isOpen(reply)) return;
        await pause(reply.retry_after_ms ?? CONFIRM_EVERY_MS);
      } catch (error) {
        if (!(error instanceof ApiError) || !this._goesOn(error)) return;
        await pause(error.retryAfterMs ?? TRY_AGAIN_MS);
      }
    }
  }

  /** Take a reply; return whether the same claim is to be sent again. @param {ClaimReply} reply */
  _isOpen(reply) {
    const { outcome, drop_id } = reply;
    if (outcome === "rate_limited" || outcome === "retry") return true;
    if (outcome === "won" || outcome === "already_won") {
      const isNew = this._claim?.state === "pending";
      const state = reply.coupon ? "confirmed" : "won";
      this._moveTo({ state, ...(reply.coupon ? { coupon: reply.coupon } : {}) });
      if (isNew) this._emit("won", { drop_id });
      if (reply.coupon) this._emit("confirmed", { drop_id });
      return !reply.coupon;
    }
    if (outcome === "entered") {
      this._moveTo({ state: "entered" });
      this._emit("entered", { drop_id });
      return false;
    }
    const { limit, why } = reply;
    this._moveTo({
      state: "refused",
      outcome,
      ...(limit ? { limit } : {}),
      ...(why ? { why } : {}),
    });
    this._requestId = "";
    this._emit("refused", { outcome });
    void this._read();
    return false;
  }

  /** @param {ApiError} error @returns {boolean} whether the claim is to be sent again */
  _goesOn(error) {
    if (error.retryable) return true;
    this._claim = undefined;
    if (NEEDS_SIGN_IN.has(error.code)) this._emit("sign_in", { code: error.code });
    else if (stateOfError(error) === "expired") this._tell("expired");
    else void this._read();
    this._show();
    return false;
  }

  /** @param {Omit<Claim, "drop_id">} claim */
  _moveTo(claim) {
    this._claim = { drop_id: this._card?.drop.id ?? "", request_id: this._requestId, ...claim };
    this._show();
  }

  async _read() {
    if (document.hidden && this._card) return;
    try {
      this._card = await this._source.read(this._api());
    } catch (error) {
      const state = stateOfError(error);
      if (state && !this._claim) this._tell(state);
      return;
    }
    this._tell(this._card.state, this._card.reason);
    this._show();
  }

  /** @param {string} state @param {string} [reason] */
  _tell(state, reason) {
    const told = reason ? `${state} ${reason}` : state;
    if (this._told === told) return;
    this._told = told;
    this.dataset.state = state;
    this._emit("state", { state, ...(reason ? { reason } : {}) });
  }

  _show() {
    if (!this._card) return;
    const drop = this._dropNow(this._card);
    if (!this._shown) {
      this._shown = new CouponCard(drop, {
        claim: () => void this.claim(),
        dismiss: () => {},
        task: this._taskActions(drop.id),
        use: (event, href, code) => this._use(event, href, code),
      });
      this._list.replaceChildren(this._shown.root);
      for (const part of [".dismiss", ".who"]) this._shown.root.querySelector(part)?.remove();
    }
    const hrefOf = (/** @type {import("./shapes.js").Coupon} */ coupon) =>
      useHref(coupon.use_url ?? drop.use_url, coupon.code, this._server);
    const moment = { now: Date.now(), out: null };
    const news = this._shown.update(drop, this._claim, moment, this.language, hrefOf);
    this._shown.updateTask(drop, this._progress, moment.now, this.language);
    if (news) setText(this._said, news);
  }

  /** @param {string} dropId @returns {import("./element/task-part.js").TaskActions} */
  _taskActions(dropId) {
    /** @param {(api: Api) => Promise<import("./shapes.js").TaskProgress>} ask */
    const learn = async (ask) => {
      const token = await this._token();
      if (!token) {
        this._emit("sign_in", {});
        return;
      }
      try {
        this._progress = await ask(this._api(token));
      } catch (error) {
        if (error instanceof ApiError) this._goesOn(error);
      }
      this._show();
    };
    return {
      answer: (option) => void learn((api) => api.answer(dropId, { option })),
      signIn: () => learn((api) => api.signIn(dropId)),
      invite: async () => {
        let link = "";
        await learn(async (api) => {
          const { code, url, ...progress } = await api.invite(dropId);
          link = url;
          return progress;
        });
        return link;
      },
    };
  }

  /** Return the drop as the card shows it now. It is the same object while nothing has changed.
   * @param {OfferCard} card */
  _dropNow({ drop, state }) {
    const now = Date.now();
    const isOpen = Date.parse(drop.opens_at ?? "") <= now;
    const shown =
      state === "paused" ? "closed" : drop.state === "scheduled" && isOpen ? "open" : drop.state;
    const known = this._drop;
    if (known?.of === drop && known.now.state === shown) return known.now;
    // The reasons of a class name its teacher; the page of a link says its own.
    const why = shown === "closed" ? { close_reason: /** @type {any} */ ("other") } : {};
    this._drop = { of: drop, now: { ...drop, ...why, state: shown } };
    return this._drop.now;
  }

  /** Tell the link that somebody has it on the screen. A crawler runs no script, or has no storage. */
  async _countVisit() {
    if (!this._card) return;
    try {
      await this._source.visit(this._api(), visitor());
    } catch {
      // Only a number.
    }
  }

  /** @param {Event} event @param {string} href @param {string} code */
  _use(event, href, code) {
    if (!this._emit("use", { href, code })) event.preventDefault();
  }

  /** @param {string} event @param {Record<string, string>} facts */
  _emit(event, facts) {
    const detail = { event, ...facts };
    return this.dispatchEvent(
      new CustomEvent("classdrop", { detail, bubbles: true, composed: true, cancelable: true }),
    );
  }
}

/** Return this browser's own random name; a new one where it may not store it. */
function visitor() {
  const name = "classdrop.visitor";
  try {
    const known = localStorage.getItem(name);
    if (known) return known;
    const made = newRequestId();
    localStorage.setItem(name, made);
    return made;
  } catch {
    return newRequestId();
  }
}

/** @param {number} ms @returns {Promise<void>} */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (!customElements.get("classdrop-offer"))
  customElements.define("classdrop-offer", ClassdropOffer);
