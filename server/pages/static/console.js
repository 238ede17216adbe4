// @ts-check
/**
 * The teacher's console: prepared drops, the form of a new one, and what is running. The entry
 * module; every card and the form are modules of their own.
 */

import { RoomClient, errorText } from "/sdk/index.js";
import { place, setText, show } from "/sdk/element/dom.js";
import { Reach } from "/sdk/element/reach.js";
import { ask } from "./ask.js";
import { Changes } from "./changes.js";
import { askForLink, showConnection } from "./connection.js";
import { DropForm } from "./drop-form.js";
import { asApiError, Drops, isRunning } from "./drops.js";
import { Language } from "./language.js";
import { Line } from "./line.js";
import { LiveDrop } from "./live-drop.js";
import { ReadyDrop } from "./ready-drop.js";
import { TakeBack } from "./take-back.js";
import { takeToken } from "./token.js";

/** @typedef {import("./drops.js").ShownDrop} ShownDrop */

const room = document.body.dataset.room ?? "";
const TICK_MS = 250;
const ENDED_SHOWN = 5;

class Console {
  /**
   * @param {string} token
   * @param {Language} language
   */
  constructor(token, language) {
    const getToken = () => token;
    this._language = language;
    const reach = new Reach(location.origin);
    this._api = reach.api(getToken);
    this._client = new RoomClient({ url: location.origin, room, getToken, api: this._api });
    reach.listenTo(this._client);
    this._line = new Line(this._client, reach);
    this._drops = new Drops(this._api, this._client);
    this._changes = new Changes(room);
    /** @type {import("./press.js").Desk} */
    this._desk = {
      language,
      line: this._line,
      api: (signal) => reach.api(getToken, signal),
      put: (drop) => this._put(drop),
      look: () => this._drops.look(),
    };
    this._takeBack = new TakeBack(element("takeback"), language);
    this._form = new DropForm(/** @type {HTMLFormElement} */ (element("new")), language, room, this._desk,
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
    showConnection(this._client, this._language, this._line, "teacher");
    this._line.addEventListener("change", () => this._show());
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
    // While the line is down the header says so.
    const error = this._line.isLive ? (this._drops.error ?? this._batchError) : null;
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
    const send = () => {
      const change = this._changes.create(form, this._keyOf(form));
      void this._form.press.run(change, (error) => this._form.fail(error), () => {
        this._attempt = null;
        this._form.finish(how);
      });
    };
    if (how === "now") this._takeBack.press("new", what, send);
    else send();
  }

  /** @param {import("/sdk/shapes.js").DropForm} form */
  _keyOf(form) {
    const body = JSON.stringify(form);
    if (this._attempt?.body !== body) this._attempt = { body, key: randomKey() };
    return this._attempt.key;
  }

  /** @param {string} id @param {string} what */
  _open(id, what) {
    const press = this._ready.get(id)?.press;
    if (!press || press.isBusy || press.refuses()) return;
    this._takeBack.press(id, what, () => void press.run(this._changes.open(id)));
  }

  /** @param {import("/sdk/shapes.js").DropReport} drop as a change left it */
  _put(drop) {
    this._drops.put(drop);
    void this._loadBatches();
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
    for (const drop of this._drops.all) this._live.get(drop.id)?.update(drop, this._client.serverNow);
  }

  /** @param {ShownDrop} drop */
  _readyOf(drop) {
    const card = this._ready.get(drop.id) ?? new ReadyDrop(drop.id, this._desk, (what) => this._open(drop.id, what));
    this._ready.set(drop.id, card);
    card.update(drop, this._language);
    return card;
  }

  /** @param {ShownDrop} drop */
  _liveOf(drop) {
    const known = this._live.get(drop.id);
    if (known) return known;
    const card = new LiveDrop(drop, this._language, {
      topUp: (add, shown) => this._changes.topUp(add, shown),
      extend: (seconds, shown) => this._changes.extend(seconds, shown),
      close: (shown) => this._changes.close(shown.id),
      isSure: (shown) => this._isSure(shown),
      find: async (student) => (await this._api.dropClaims(room, drop.id, { student })).claims[0] ?? null,
    }, this._desk);
    this._live.set(drop.id, card);
    return card;
  }

  /** @param {ShownDrop} drop */
  async _isSure(drop) {
    const say = this._language.say.bind(this._language);
    // A countdown is taken back at once: that is what it is there for.
    return drop.state === "scheduled"
      || ask(say("close_ask", { left: drop.remaining }), say("close"), say("keep_open"));
  }
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const token = takeToken(`console/${room}`);
const language = new Language();
language.switchWith(element("language"));
document.title = `${room} · Classdrop`;
if (token) new Console(token, language).start();
else askForLink(language);
