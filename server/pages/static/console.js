// @ts-check
/**
 * The teacher's console: prepared drops, the form of a new one, and what is running. The entry
 * module; every card and the form are modules of their own.
 */

import { Api, RoomClient, errorText } from "/sdk/index.js";
import { drawEach, place, setText, show } from "/sdk/element/dom.js";
import { untilAnswered } from "./again.js";
import { ask } from "./ask.js";
import { showConnection } from "./connection.js";
import { DropForm } from "./drop-form.js";
import { Drops, isRunning } from "./drops.js";
import { admit, expiredTeller, once } from "./entry.js";
import { asApiError } from "./faults.js";
import { Language } from "./language.js";
import { LiveDrop } from "./live-drop.js";
import { ReadyDrop } from "./ready-drop.js";
import { TakeBack } from "./take-back.js";

/** @typedef {import("./drops.js").ShownDrop} ShownDrop */
/** @typedef {import("/sdk/shapes.js").DropReport} DropReport */

const room = document.body.dataset.room ?? "";
const TICK_MS = 250;
const ENDED_SHOWN = 5;

class Console {
  /**
   * @param {string} token
   * @param {Language} language
   */
  constructor(token, language) {
    const sayExpired = expiredTeller(language);
    const getToken = once(token, () => {
      this._drops.stop();
      this._client.stop();
      sayExpired();
    });
    this._language = language;
    this._api = new Api({ url: location.origin, getToken });
    this._client = new RoomClient({ url: location.origin, room, getToken, api: this._api });
    this._drops = new Drops(this._api, this._client);
    this._takeBack = new TakeBack(element("takeback"), language);
    this._form = new DropForm(/** @type {HTMLFormElement} */ (element("new")), language, room,
      (how, form, what) => this._make(how, form, what));
    /** @type {Map<string, ReadyDrop>} */
    this._ready = new Map();
    /** @type {Map<string, LiveDrop>} */
    this._live = new Map();
    /** A press that failed half way is repeated under its key, and makes one drop. @type {{body: string, key: string}|null} */
    this._attempt = null;
    /** @type {import("/sdk/api.js").ApiError|null} */
    this._batchError = null;
  }

  start() {
    showConnection(this._client, this._language);
    this._drops.addEventListener("change", () => this._show());
    this._language.addEventListener("change", () => this._show());
    setInterval(() => this._showLive(), TICK_MS);
    this._client.start();
    this._drops.start();
    void this._loadBatches();
  }

  async _loadBatches() {
    try {
      const { batches } = await this._api.listBatches({ limit: 200 });
      this._form.setBatches(batches.filter((batch) => Number(batch.droppable) > 0));
      this._batchError = null;
    } catch (error) {
      this._batchError = asApiError(error);
    }
    this._showTrouble();
  }

  _showTrouble() {
    const error = this._drops.error ?? this._batchError;
    const place = element("call-trouble");
    show(place, error !== null);
    setText(place, error ? errorText(error.code, this._language.current, error.facts) : "");
  }

  /**
   * @param {"now"|"prepared"} how
   * @param {import("/sdk/shapes.js").DropForm} form
   * @param {string} what
   */
  _make(how, form, what) {
    const send = async () => {
      try {
        const idempotencyKey = this._keyOf(form);
        const made = await untilAnswered(() => this._api.createDrop(room, form, { idempotencyKey }));
        this._attempt = null;
        this._form.finish(how);
        this._drops.put(made);
      } catch (error) {
        this._form.fail(asApiError(error));
      }
      await this._loadBatches();
    };
    if (how === "now") this._takeBack.press("new", what, send);
    else void send();
  }

  /** @param {import("/sdk/shapes.js").DropForm} form */
  _keyOf(form) {
    const body = JSON.stringify(form);
    if (this._attempt?.body !== body) this._attempt = { body, key: randomKey() };
    return this._attempt.key;
  }

  /** @param {string} id @param {string} what */
  _open(id, what) {
    this._takeBack.press(id, what, async () => {
      const failed = await this._change(() => this._api.openDrop(room, id));
      this._ready.get(id)?.fail(failed, this._language);
    });
  }

  /**
   * @param {() => Promise<DropReport>} call
   * @returns {Promise<import("/sdk/api.js").ApiError|null>} why not; the figures are fresh either way
   */
  async _change(call) {
    try {
      this._drops.put(await untilAnswered(call));
      void this._loadBatches();
      return null;
    } catch (error) {
      await this._drops.look();
      return asApiError(error);
    }
  }

  _show() {
    this._showTrouble();
    const drops = this._drops.all;
    const ready = drops.filter((drop) => drop.state === "prepared").reverse();
    const running = drops.filter(isRunning);
    const ended = drops.filter((drop) => drop.state === "closed").slice(0, ENDED_SHOWN);
    place(element("ready"), ready.map((drop) => this._readyOf(drop).root));
    place(element("live"), running.map((drop) => this._liveOf(drop).root));
    place(element("past"), ended.map((drop) => this._liveOf(drop).root));
    show(element("ready-empty"), ready.length === 0);
    show(element("live-empty"), running.length === 0);
    show(element("past-box"), ended.length > 0);
    this._showLive();
  }

  /** Clocks move between frames. */
  _showLive() {
    drawEach(this._drops.all, (drop) => this._live.get(drop.id)?.update(drop, this._client.serverNow), () => undefined);
  }

  /** @param {ShownDrop} drop */
  _readyOf(drop) {
    const card = this._ready.get(drop.id) ?? new ReadyDrop(drop.id, (what) => this._open(drop.id, what));
    this._ready.set(drop.id, card);
    card.update(drop, this._language);
    return card;
  }

  /** @param {ShownDrop} drop */
  _liveOf(drop) {
    const known = this._live.get(drop.id);
    if (known) return known;
    const card = new LiveDrop(drop, this._language, {
      topUp: (add, { id, quantity }) =>
        this._change(() => this._api.topUpDrop(room, id, { add, expected_quantity: quantity })),
      extend: (seconds, { id, closes_at }) =>
        this._change(() => this._api.extendDrop(room, id, { seconds, expected_closes_at: closes_at ?? "" })),
      close: (shown) => this._close(shown),
      find: async (student) => (await this._api.dropClaims(room, drop.id, { student })).claims[0] ?? null,
    });
    this._live.set(drop.id, card);
    return card;
  }

  /** @param {ShownDrop} drop */
  async _close(drop) {
    const say = this._language.say.bind(this._language);
    // A countdown is taken back at once: that is what it is there for.
    const isSure = drop.state === "scheduled"
      || (await ask(say("close_ask", { left: drop.remaining }), say("close"), say("keep_open")));
    return isSure ? this._change(() => this._api.closeDrop(room, drop.id)) : null;
  }
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const language = new Language();
language.switchWith(element("language"));
document.title = `${room} · Classdrop`;
const token = admit(`console/${room}`, ["instructor", "operator"], language);
if (token) new Console(token, language).start();
else for (const part of document.querySelectorAll("main.console > :not(#outside)")) show(part, false);
