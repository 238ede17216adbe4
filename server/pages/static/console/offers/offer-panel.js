// @ts-check
/**
 * Coupons for chosen students alone: the form, and the room's offers with their states. Closed until the
 * teacher opens it; it reads only while it is open. Used by the console.
 */

import { errorText } from "/sdk/texts.js";
import { h, report, setText, show } from "/sdk/element/dom.js";
import { shortValue } from "/sdk/element/value.js";
import { asApiError } from "../../shared/api-errors.js";
import { OfferList } from "./offer-list.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").Batch} Batch */
/** @typedef {import("/sdk/shapes.js").OfferForm} OfferForm */

const MOST_STUDENTS = 50;
const KEPT_SECONDS = [600, 3600, 86400, 259200, 604800];

export class OfferPanel {
  /**
   * @param {import("/sdk/api.js").Api} api
   * @param {string} room
   * @param {Language} language
   * @param {import("../undo.js").UndoBar} undoBar
   * @param {() => string} newKey a key for a request that may be sent again
   */
  constructor(api, room, language, undoBar, newKey) {
    this._api = api;
    this._room = room;
    this._language = language;
    this._undoBar = undoBar;
    this._newKey = newKey;
    /** @type {Batch[]} */
    this._batches = [];
    /** A failed attempt is repeated under its key, so that it makes each offer once.
     * @type {{body: string, key: string}|null} */
    this._attempt = null;
    this._isSending = false;
    this._trouble = () => "";
    this._done = () => "";
    /** Everybody here with this tag, in place of the students that are named. */
    this._tag = "";
    /** The list of who is here, once it is loaded. @type {import("./roster-picker.js").RosterPicker|null} */
    this._picker = null;
    this._list = new OfferList(api, room, language, () => this._isOpen);
    const form = /** @type {HTMLFormElement} */ (element("offer"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._submit();
    });
    element("offers-panel").addEventListener("toggle", () => void this._opened());
    element("offer-students").addEventListener("input", () => this._picker?.show());
    language.addEventListener("change", () => this._show());
    this._show();
  }

  get _isOpen() {
    return /** @type {HTMLDetailsElement} */ (element("offers-panel")).open;
  }

  async _opened() {
    void this._list.load();
    if (!this._isOpen) return;
    if (!this._picker) {
      try {
        const { RosterPicker } = await import("./roster-picker.js");
        this._picker ??= new RosterPicker(
          this._api,
          this._room,
          this._language,
          element("roster"),
          {
            isOpen: () => this._isOpen,
            picked: () => new Set(this._named()),
            pick: (id, isPicked) => this._pick(id, isPicked),
            pickTag: (tag) => {
              this._tag = tag;
              this._show();
            },
          },
        );
      } catch (fault) {
        return report(fault); // students can be named without it
      }
    }
    await this._picker.read();
  }

  /** Return the students that are named, each once. */
  _named() {
    const written = field("offer-students").value.split(/[\s,，;；、]+/);
    return [...new Set(written)].filter(Boolean);
  }

  /** @param {string} id @param {boolean} isPicked */
  _pick(id, isPicked) {
    const others = this._named().filter((one) => one !== id);
    field("offer-students").value = (isPicked ? [...others, id] : others).join(" ");
    this._trouble = () => "";
    this._show();
  }

  /** @param {Batch[]} batches that may be given out in this room */
  setBatches(batches) {
    this._batches = batches;
    this._show();
  }

  _submit() {
    if (this._isSending) return;
    const students = this._named();
    const tag = this._tag;
    if (!tag && students.length === 0) return this._fail("offer-students", "offer_need_students");
    if (!tag && students.length > MOST_STUDENTS)
      return this._fail("offer-students", "offer_too_many");
    /** @type {OfferForm} */
    const form = {
      batch_id: field("offer-batch").value,
      ...(tag ? { tag } : { students }),
      expires_in_seconds: Number(field("offer-keep").value),
    };
    const course = field("offer-course").value.trim();
    const message = field("offer-message").value.trim();
    if (course) form.course = course;
    if (message) form.message = message;
    this._trouble = this._done = () => "";
    this._show();
    const what = tag
      ? this._language.say("offer_what_tag", { tag })
      : students.length === 1
        ? this._language.say("offer_what_one", { student: students[0] })
        : this._language.say("offer_what", { n: students.length });
    this._undoBar.press("offer", what, () => void this._send(form));
  }

  /** @param {OfferForm} form */
  async _send(form) {
    this._isSending = true;
    this._show();
    const body = JSON.stringify(form);
    if (this._attempt?.body !== body) this._attempt = { body, key: this._newKey() };
    try {
      const made = await this._api.makeOffers(this._room, form, {
        idempotencyKey: this._attempt.key,
      });
      this._attempt = null;
      this._done = () => this._madeText(made);
      if (made.offers.length > 0) field("offer-students").value = "";
      this._tag = "";
      this._picker?.reset();
      void this._list.load();
    } catch (error) {
      const { code, facts } = asApiError(error);
      this._trouble = () => errorText(code, this._language.current, facts);
    }
    this._isSending = false;
    this._show();
  }

  /** @param {import("/sdk/shapes.js").OffersMade} made */
  _madeText({ offers, refused }) {
    const { current } = this._language;
    const n = offers.length;
    const made = n > 0 && this._language.say(n === 1 ? "offer_made_one" : "offer_made", { n });
    const reasons = [...new Set(refused.map(({ code }) => code))].map((code) =>
      this._language.say("offer_refused", {
        students: refused
          .filter((one) => one.code === code)
          .map(({ student }) => student)
          .join(", "),
        reason: errorText(code, current),
      }),
    );
    const isNobody = n === 0 && refused.length === 0;
    return [isNobody && this._language.say("offer_made_none"), made, ...reasons]
      .filter(Boolean)
      .join(" ");
  }

  /** @param {string} id @param {string} key */
  _fail(id, key) {
    this._done = () => "";
    this._trouble = () => this._language.say(key);
    this._show();
    field(id).focus();
  }

  _show() {
    const batch = field("offer-batch");
    const keep = field("offer-keep");
    const { current } = this._language;
    choose(
      batch,
      this._batches.map((one) => [one.id, optionText(one, current)]),
    );
    choose(
      keep,
      KEPT_SECONDS.map((seconds) => [String(seconds), this._language.say(`offer_${seconds}`)]),
    );
    field("offer-students").disabled = this._tag !== "";
    const isOff = this._isSending || this._batches.length === 0;
    element("offer-send").setAttribute("aria-disabled", String(isOff));
    const trouble = this._batches.length ? this._trouble() : this._language.say("no_batches");
    setText(element("offer-trouble"), trouble);
    show(element("offer-trouble"), trouble !== "");
    setText(element("offer-done"), this._done());
  }
}

/** @param {Batch} batch @param {"zh"|"en"} language */
function optionText({ name, template }, language) {
  const { discount, currency } = template ?? {};
  return discount ? `${shortValue(discount, currency, language)} · ${name}` : name;
}

/**
 * Set the options of a list, and keep what is chosen.
 * @param {HTMLInputElement} select
 * @param {string[][]} options value and text of each
 */
function choose(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
