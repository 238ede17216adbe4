// @ts-check
/**
 * The teacher's console: prepared drops, the form for a new one, and running drops. This is the
 * entry module; each card and the form have modules of their own.
 */

import { RoomClient } from "/sdk/client.js";
import { errorText } from "/sdk/texts.js";
import { newRequestId } from "/sdk/transport.js";
import { drawEach, place, report, setText, show } from "/sdk/element/dom.js";
import { Reach } from "/sdk/element/reach.js";
import { isPointedAt, rearrange } from "./steady-layout.js";
import { confirmDialog } from "./confirm-dialog.js";
import { DropChanges } from "./drops/drop-changes.js";
import { showConnection } from "../shared/connection-status.js";
import { DropForm } from "./form/drop-form.js";
import { DropStore } from "./drops/drop-store.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { asApiError } from "../shared/api-errors.js";
import { Language } from "../shared/language.js";
import { LinkStatus } from "../shared/link-status.js";
import { LiveDrop } from "./drops/live-drop.js";
import { CardLists } from "./drops/card-lists.js";
import { OfferPanel } from "./offers/offer-panel.js";
import { consoleMessages } from "./messages-console.js";
import { formMessages } from "./form/messages-form.js";
import { offerMessages } from "./offers/messages-offers.js";
import { Attempt } from "./random-key.js";
import { ReadyDrop } from "./drops/ready-drop.js";
import { UndoBar } from "./undo.js";

/** @typedef {import("./drops/drop-store.js").ShownDrop} ShownDrop */

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
    "#live-title, #live-empty, #live > *, #past-box, .side, #ready-title, #ready-empty, #ready > *, #new-panel, #offers-panel",
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
      this._sheet?.stop();
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
    this._offers = new OfferPanel(this._api, room, language, this._undoBar, newRequestId);
    this._cardLists = new CardLists();
    /** @type {Map<string, ReadyDrop>} */
    this._ready = new Map();
    /** @type {Map<string, LiveDrop>} */
    this._live = new Map();
    /** The run sheet, once it is loaded. @type {import("../stage/run-sheet.js").RunSheet|null} */
    this._sheet = null;
    this._attempt = new Attempt();
    this._token = token;
    /** @type {import("../draw/console-draws.js").ConsoleDraws|null} */
    this._draws = null;
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
      Promise.all([this._drops.start(), this._loadBatches(), this._loadSheet(), this._loadDraws()]),
      pause(LOADING_MS),
    ]).then(() => document.querySelector("main")?.removeAttribute("data-loading"));
  }

  async _loadSheet() {
    const { _api: api, _client: client, _drops: drops, _desk: desk } = this;
    const host = { api, client, drops, desk, changes: this._changes, form: this._form };
    try {
      const { startRunSheet } = await import("../stage/run-sheet.js");
      this._sheet = await startRunSheet(host);
    } catch (fault) {
      return report(fault); // drops can be sent without it
    }
    this._sheet.addEventListener("change", () => this._show());
    this._show();
  }

  async _loadDraws() {
    const host = { api: this._api, form: this._form, changes: this._changes, desk: this._desk };
    try {
      const [{ ConsoleDraws }, { addScreenButton }] = await Promise.all([
        import("../draw/console-draws.js"),
        import("../screen/screen-button.js"),
      ]);
      this._draws = new ConsoleDraws({ ...host, room, token: this._token });
      addScreenButton(this._api, room, this._language);
    } catch (fault) {
      return report(fault); // drops can be sent without it
    }
    this._show();
  }

  async _loadBatches() {
    try {
      const { batches } = await this._api.listBatches({ limit: 200 });
      const droppable = batches.filter((batch) => Number(batch.droppable) > 0);
      this._form.setBatches(droppable);
      this._offers.setBatches(droppable);
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
      const change = this._changes.create(form, this._attempt.keyOf(form));
      void this._form.press.run(
        change,
        (error) => this._form.fail(error),
        () => {
          this._attempt.end();
          this._form.finish(how);
        },
      );
    };
    if (how === "now") this._undoBar.press("new", what, send);
    else send();
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
    const { live, past } = this._cardLists;
    const ready = this._sheet?.arranged(this._cardLists.ready) ?? this._cardLists.ready;
    const cards = ready.map((drop) => ({ drop, card: this._readyOf(drop) }));
    rearrange(blocks, () => {
      place(
        element("ready"),
        cards.map(({ card }) => card.root),
      );
      this._sheet?.showReady(cards);
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
    const update = (/** @type {ShownDrop} */ drop, isPast = false) => {
      const card = this._live.get(drop.id);
      card?.update(drop, now, isPast);
      if (card) this._sheet?.showLive(drop, card.root);
      if (card) this._draws?.show(drop, card.root);
    };
    for (const list of [live, past]) {
      drawEach(
        list,
        (drop) => update(drop, list === past),
        () => undefined,
      );
    }
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
    this._sheet?.tick();
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
        ticket: () => this._api.ticket(room, drop.id),
        now: () => this._client.serverNow,
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

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const language = new Language({ ...consoleMessages, ...formMessages, ...offerMessages });
language.switchWith(element("language"));
const token = admit(`console/${room}`, ["instructor", "operator"], language);
if (token) new Console(token, language).start();
else {
  document.querySelector("main")?.removeAttribute("data-loading");
  for (const part of document.querySelectorAll("main.console > :not(#outside)")) show(part, false);
}
