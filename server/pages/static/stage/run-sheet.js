// @ts-check
/**
 * The run sheet of the console: the room's prepared drops in their order, when each opens, and what a teacher does
 * with them. The console imports it after it is there, and works without it.
 */

import { errorText } from "/sdk/texts.js";
import { ApiError } from "/sdk/transport.js";
import { confirmDialog } from "../console/confirm-dialog.js";
import { retryUntilAnswered } from "../console/retry.js";
import { asApiError } from "../shared/api-errors.js";
import { stageMessages } from "./messages-stage.js";
import { momentOf, moved, withMoment } from "./order.js";
import { RehearsalFields } from "./rehearsal-fields.js";
import { ReopenPart } from "./reopen-part.js";
import { SheetPart } from "./sheet-part.js";
import { StageBar } from "./stage-bar.js";
import { writeOrder } from "./write-order.js";

/** @typedef {import("../console/drops/drop-store.js").ShownDrop} ShownDrop */
/** @typedef {import("/sdk/shapes.js").OrderEntryForm} OrderEntryForm */
/** @typedef {import("/sdk/shapes.js").RunningOrder} RunningOrder */
/**
 * What the console lends.
 * @typedef {object} Host
 * @property {import("/sdk/api.js").Api} api
 * @property {import("/sdk/client.js").RoomClient} client
 * @property {import("../console/drops/drop-store.js").DropStore} drops
 * @property {import("../console/drops/drop-changes.js").DropChanges} changes
 * @property {import("../console/form/drop-form.js").DropForm} form of a new drop
 * @property {import("../console/action-button.js").ActionContext} desk
 */

const LOOK_MS = 4_000;

export class RunSheet extends EventTarget {
  /** @param {Host} host */
  constructor({ api, client, drops, changes, desk }) {
    super();
    desk.language.add(stageMessages);
    this._api = api;
    this._client = client;
    this._drops = drops;
    this._changes = changes;
    this._desk = desk;
    this._language = desk.language;
    this._say = desk.language.say.bind(desk.language);
    /** @type {RunningOrder|null} */
    this._order = null;
    /** The ids of the prepared drops as the page shows them. @type {string[]} */
    this._ready = [];
    /** @type {Map<string, SheetPart>} */
    this._parts = new Map();
    /** @type {Map<string, ReopenPart>} */
    this._reopens = new Map();
    /** The number of the last read or write: an answer to an older one is not taken. */
    this._asked = 0;
    /** Writes go one after the other. @type {Promise<void>} */
    this._last = Promise.resolve();
    this.bar = new StageBar(desk.language, {
      begin: () => void this._begin(),
      hold: () => void this._hold(),
    });
    desk.language.addEventListener("change", () => this._translate());
    for (const event of ["drop_opened", "welcome"])
      client.addEventListener(event, () => void this.load());
  }

  /** Start reading. Resolves when the first read is done. */
  start() {
    this._timer = setInterval(() => {
      if (document.visibilityState === "visible" && this._ready.length > 0) void this.load();
    }, LOOK_MS);
    return this.load();
  }

  stop() {
    clearInterval(this._timer);
  }

  /** Read the order. What could not be read is read again soon. */
  async load() {
    const asked = ++this._asked;
    try {
      const order = await this._api.getRunningOrder(this._client.room);
      if (asked === this._asked) this._take(order);
    } catch {
      // The console says what its own reads meet.
    }
  }

  /** Return the drops in their order, those that are in none last. @param {ShownDrop[]} ready */
  arranged(ready) {
    const places = new Map(this._order?.entries.map(({ drop_id }, place) => [drop_id, place]));
    const placeOf = (/** @type {ShownDrop} */ { id }) => places.get(id) ?? places.size;
    return [...ready].sort((a, b) => placeOf(a) - placeOf(b));
  }

  /**
   * Show what belongs to the cards of prepared drops.
   * @param {{drop: ShownDrop, card: import("../console/drops/ready-drop.js").ReadyDrop}[]} shown in their order
   */
  showReady(shown) {
    const now = this._client.serverNow;
    this._ready = shown.filter(({ drop }) => drop.state === "prepared").map(({ drop }) => drop.id);
    for (const { drop, card } of shown) {
      const part = this._parts.get(drop.id) ?? this._newPart(card);
      this._parts.set(drop.id, part);
      const place = this._ready.indexOf(drop.id);
      const ends = { isFirst: place === 0, isLast: place === this._ready.length - 1 };
      part.update(drop, this._entryOf(drop.id), ends, now);
    }
    if (this._order) this.bar.update(this._order, this._ready.length > 0, now);
  }

  /**
   * Show what belongs to the card of a running or ended drop.
   * @param {ShownDrop} drop @param {Element} root of its card
   */
  showLive(drop, root) {
    let part = this._reopens.get(drop.id);
    if (!part && drop.state !== "closed") return;
    if (!part) {
      part = new ReopenPart(drop, this._language, this._desk, (form, seen) =>
        this._changes.reopen(form, seen),
      );
      this._reopens.set(drop.id, part);
      root.append(part.root);
    }
    part.update(drop, this._client.serverNow);
  }

  /** Update what moves with the clock. */
  tick() {
    const now = this._client.serverNow;
    for (const id of this._ready) this._parts.get(id)?.tick(now);
    if (this._order) this.bar.update(this._order, this._ready.length > 0, now);
  }

  /** @param {import("../console/drops/ready-drop.js").ReadyDrop} card */
  _newPart(card) {
    return new SheetPart(card, this._language, {
      move: (id, step) => this._move(id, step),
      remove: (drop) => this._remove(drop),
      save: (drop, changes) => this._save(drop, changes),
    });
  }

  /** @param {string} id */
  _entryOf(id) {
    return this._order?.entries.find(({ drop_id }) => drop_id === id);
  }

  _translate() {
    for (const part of this._reopens.values()) part.translate();
    this.tick();
  }

  /** @param {RunningOrder} order */
  _take(order) {
    this._order = order;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} id @param {-1|1} step */
  async _move(id, step) {
    await this._tell(this._parts.get(id), async () => {
      await this._write((order) => moved(order, this._ready, id, step));
      const name = this._nameOf(id);
      const n = this._ready.indexOf(id) + 1;
      this.bar.say(this._say("moved_to", { name, n, all: this._ready.length }));
    });
  }

  /** @param {ShownDrop} drop */
  async _remove(drop) {
    const name = drop.name ?? "";
    const say = this._say;
    if (!(await confirmDialog(say("remove_ask", { name }), say("remove"), say("remove_keep"))))
      return;
    const next = this._ready[this._ready.indexOf(drop.id) + 1] ?? this._ready[0];
    await this._tell(this._parts.get(drop.id), async () => {
      await this._call(() => this._api.deleteDrop(this._client.room, drop.id)).catch(
        (/** @type {unknown} */ error) => {
          // A repetition of a call whose answer was lost, or another teacher was first.
          if (asApiError(error).code !== "not_found") throw error;
        },
      );
      this._drops.remove(drop.id);
      this.bar.say(say("removed", { name }));
      if (next !== drop.id) this._parts.get(next)?.focus();
    });
  }

  /**
   * @param {ShownDrop} drop
   * @param {import("./edit-form.js").Changes} changes
   */
  async _save(drop, { edit, moment }) {
    if (this._desk.line.isOffline) throw new ApiError("unreachable", 0);
    if (Object.keys(edit).length > 0) {
      const { room } = this._client;
      this._drops.put(await this._call(() => this._api.editDrop(room, drop.id, edit)));
    }
    const before = JSON.stringify(momentOf(this._entryOf(drop.id) ?? {}));
    if (moment && JSON.stringify(moment) !== before)
      await this._write((order) => withMoment(order, drop.id, moment));
    this.bar.say(this._say("saved"));
  }

  async _begin() {
    const say = this._say;
    const isAgain = Boolean(this._order?.started_at);
    if (
      isAgain &&
      !(await confirmDialog(say("class_again_ask"), say("class_again"), say("cancel")))
    )
      return;
    await this._change(() => this._api.startClass(this._client.room));
  }

  _hold() {
    const { room } = this._client;
    return this._change(() =>
      this._order?.held ? this._api.resumeRunningOrder(room) : this._api.holdRunningOrder(room),
    );
  }

  /** @param {() => Promise<RunningOrder>} send */
  _change(send) {
    return this._tell(undefined, async () => {
      const order = await this._call(send);
      this._asked++;
      this._take(order);
    });
  }

  /**
   * Write a change of the order as it is now: another teacher may have written since it was read.
   * @param {(order: OrderEntryForm[]) => OrderEntryForm[]} change
   */
  _write(change) {
    const written = this._last.then(async () => {
      const order = await writeOrder(this._api, this._client.room, this._ready, change);
      this._asked++;
      this._take(order);
    });
    this._last = written.catch(() => undefined);
    return written;
  }

  /** @template T @param {() => Promise<T>} send may be repeated @returns {Promise<T>} */
  _call(send) {
    return retryUntilAnswered(send);
  }

  /**
   * Do something and show why it failed: in the card that it is about, or in the bar.
   * @param {{fail: (text: string) => void}|undefined} part
   * @param {() => Promise<void>} act
   */
  async _tell(part, act) {
    const place = part ?? this.bar;
    place.fail("");
    if (this._desk.line.isOffline) return place.fail(this._say("press_offline"));
    try {
      await act();
    } catch (error) {
      const { code, facts } = asApiError(error);
      place.fail(errorText(code, this._language.current, facts));
      await Promise.all([this.load(), this._drops.look()]);
    }
  }

  /** @param {string} id */
  _nameOf(id) {
    return this._drops.all.find((drop) => drop.id === id)?.name ?? "";
  }
}

/**
 * Make the run sheet, put its bar above the prepared drops and the rehearsal into the form, and read the order.
 * @param {Host} host
 * @returns {Promise<RunSheet>}
 */
export async function startRunSheet(host) {
  const sheet = new RunSheet(host);
  document.getElementById("ready-title")?.after(sheet.bar.root);
  host.form.addRehearsal(new RehearsalFields(host.desk.language));
  await sheet.start();
  return sheet;
}
