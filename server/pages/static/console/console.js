// @ts-check
/**
 * The teacher's console: prepared drops, the form for a new one, and running drops. This is the
 * entry module; each card and the form have modules of their own.
 */

import { RoomClient, errorText } from "/sdk/index.js";
import { drawEach, place, setText, show } from "/sdk/element/dom.js";
import { Reach } from "/sdk/element/reach.js";
import { isPointedAt, rearrange } from "./steady-layout.js";
import { confirmDialog } from "./confirm-dialog.js";
import { DropChanges } from "./drop-changes.js";
import { showConnection } from "../shared/connection-status.js";
import { DropForm } from "./drop-form.js";
import { DropStore } from "./drop-store.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { asApiError } from "../shared/api-errors.js";
import { Language } from "../shared/language.js";
import { LinkStatus } from "../shared/link-status.js";
import { LiveDrop } from "./live-drop.js";
import { CardLists } from "./card-lists.js";
import { ReadyDrop } from "./ready-drop.js";
import { UndoBar } from "./undo.js";

/** @typedef {import("./drop-store.js").ShownDrop} ShownDrop */

const room = document.body.dataset.room ?? "";
const TICK_MS = 250;
/**
 * Nothing is shown until everything has its place, but a slow server is not waited for longer than
 * this.
 */
const LOADING_MS = 2_000;
/** The blocks that move as one when a list of cards changes. */
const blocks = () => [
  ...document.querySelectorAll(
    "#live-title, #live-empty, #live > *, #past-box, .side, #ready-title, #ready-empty, #ready > *, #new-panel",
  ),
];

class Console {
  /**
   * @param {string} token
   * @param {Language} language
   */
  constructor(token, language) {
    const sayExpired = expiryNotice(language);
    const getToken = once(token, () => {
      this._drops.stop();
      this._client.stop();
      sayExpired();
    });
    this._language = language;
    const reach = new Reach(location.origin);
    this._api = reach.api(getToken);
    this._client = new RoomClient({ url: location.origin, room, getToken, api: this._api });
    reach.listenTo(this._client);
    this._line = new LinkStatus(this._client, reach);
    this._drops = new DropStore(this._api, this._client);
    this._changes = new DropChanges(room);
    /** @type {import("./action-button.js").ActionContext} */
    this._desk = {
      language,
      line: this._line,
      // an action does not report an expired link; the next look does
      api: (signal) => reach.api(() => token, signal),
      put: (drop) => this._put(drop),
      look: () => this._drops.look(),
    };
    this._undoBar = new UndoBar(element("takeback"), language);
    this._form = new DropForm(
      /** @type {HTMLFormElement} */ (element("new")),
      language,
      room,
      this._desk,
      (how, form, what) => this._make(how, form, what),
    );
    this._cardLists = new CardLists();
    /** @type {Map<string, ReadyDrop>} */
    this._ready = new Map();
    /** @type {Map<string, LiveDrop>} */
    this._live = new Map();
    /**
     * A failed attempt is repeated under its key, so that it creates one drop. @type {{body:
     * string, key: string}|null}
     */
    this._attempt = null;
    /** @type {import("/sdk/index.js").ApiError|null} */
    this._batchError = null;
  }

  start() {
    showConnection(this._client, this._language, this._line, "teacher");
    this._line.addEventListener("change", () => this._show());
    this._drops.addEventListener("change", () => this._show());
    this._language.addEventListener("change", () => this._show());
    setInterval(() => this._tick(), TICK_MS);
    this._client.start();
    void Promise.race([
      Promise.all([this._drops.start(), this._loadBatches()]),
      pause(LOADING_MS),
    ]).then(() => document.querySelector("main")?.removeAttribute("data-loading"));
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
    // While the connection is down the header says so.
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
      void this._form.press.run(
        change,
        (error) => this._form.fail(error),
        () => {
          this._attempt = null;
          this._form.finish(how);
        },
      );
    };
    if (how === "now") this._undoBar.press("new", what, send);
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
    this._undoBar.press(id, what, () => void press.run(this._changes.open(id)));
  }

  /** @param {import("/sdk/shapes.js").DropReport} drop as an action left it */
  _put(drop) {
    this._drops.put(drop);
    void this._loadBatches();
  }

  _show() {
    this._showTrouble();
    this._cardLists.sort(this._drops.all, performance.now());
    const { ready, live, past } = this._cardLists;
    rearrange(blocks, () => {
      place(
        element("ready"),
        ready.map((drop) => this._readyOf(drop).root),
      );
      place(
        element("live"),
        live.map((drop) => this._liveOf(drop).root),
      );
      place(
        element("past"),
        past.map((drop) => this._liveOf(drop).root),
      );
      show(element("ready-empty"), ready.length === 0);
      show(element("live-empty"), live.length === 0);
      show(element("past-box"), past.length > 0);
      this._showLive();
    });
  }

  /** Update the clocks, which move between frames. */
  _showLive() {
    const { live, past } = this._cardLists;
    const now = this._client.serverNow;
    drawEach(
      live,
      (drop) => this._live.get(drop.id)?.update(drop, now),
      () => undefined,
    );
    drawEach(
      past,
      (drop) => this._live.get(drop.id)?.update(drop, now, true),
      () => undefined,
    );
  }

  /** Move the cards that were kept long enough to their lists. */
  _tick() {
    if (
      this._cardLists.isDue(performance.now()) &&
      !isPointedAt(element("ready")) &&
      !isPointedAt(element("live"))
    )
      this._show();
    else this._showLive();
  }

  /** @param {ShownDrop} drop */
  _readyOf(drop) {
    const card =
      this._ready.get(drop.id) ??
      new ReadyDrop(drop.id, this._desk, (what) => this._open(drop.id, what));
    this._ready.set(drop.id, card);
    card.update(drop, this._language);
    return card;
  }

  /** @param {ShownDrop} drop */
  _liveOf(drop) {
    const known = this._live.get(drop.id);
    if (known) return known;
    const card = new LiveDrop(
      drop,
      this._language,
      {
        topUp: (add, shown) => this._changes.topUp(add, shown),
        extend: (seconds, shown) => this._changes.extend(seconds, shown),
        close: (shown) => this._changes.close(shown.id),
        isSure: (shown) => this._isSure(shown),
        find: async (student) =>
          (await this._api.dropClaims(room, drop.id, { student })).claims[0] ?? null,
      },
      this._desk,
    );
    this._live.set(drop.id, card);
    return card;
  }

  /** @param {ShownDrop} drop */
  async _isSure(drop) {
    const say = this._language.say.bind(this._language);
    // A countdown can be cancelled without a question: that is its purpose.
    return (
      drop.state === "scheduled" ||
      confirmDialog(say("close_ask", { left: drop.remaining }), say("close"), say("keep_open"))
    );
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const language = new Language();
language.switchWith(element("language"));
const token = admit(`console/${room}`, ["instructor", "operator"], language);
if (token) new Console(token, language).start();
else {
  document.querySelector("main")?.removeAttribute("data-loading");
  for (const part of document.querySelectorAll("main.console > :not(#outside)")) show(part, false);
}
