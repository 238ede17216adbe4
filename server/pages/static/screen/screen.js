// @ts-check
/**
 * The page for the projector: the drop in the middle, a large clock, what is left, a QR code, and
 * masked winners where the drop shows them. Nothing can be done on it, and its token can do nothing.
 */

import { Api } from "/sdk/api.js";
import { RoomClient } from "/sdk/client.js";
import { fill, h, setText, show } from "/sdk/element/dom.js";
import { Reach } from "/sdk/element/reach.js";
import { bigValue, conditions, shortValue, wideness } from "/sdk/element/value.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { ChangingCode } from "../shared/changing-code.js";
import { showConnection } from "../shared/connection-status.js";
import { Language } from "../shared/language.js";
import { LinkStatus } from "../shared/link-status.js";
import { screenMessages } from "./messages-screen.js";
import { inOrder, numbersOf } from "./screen-view.js";
import { WinnerList } from "./winner-list.js";

/** @typedef {import("/sdk/shapes.js").Drop} Drop */

const TICK_MS = 250;
const QR_PIXELS = 640;
const SHOWN_OTHERS = 3;
const MAY_WATCH = ["screen", "instructor", "operator", "student"];

class Screen {
  /** @param {string} room @param {string} token @param {Language} language */
  constructor(room, token, language) {
    this._room = room;
    this._language = language;
    const sayExpired = expiryNotice(language);
    const getToken = once(token, () => {
      this._client.stop();
      sayExpired();
    });
    const reach = new Reach(location.origin);
    this._api = new Api({ url: location.origin, getToken: () => token });
    this._client = new RoomClient({ url: location.origin, room, getToken });
    reach.listenTo(this._client);
    showConnection(this._client, language, new LinkStatus(this._client, reach), "teacher");
    this._winners = new WinnerList(element("winners"), element("winner-names"), language);
    this._code = new ChangingCode(
      /** @type {HTMLImageElement} */ (element("qr-code")),
      (dropId) => this._api.ticket(room, dropId, QR_PIXELS),
      () => this._client.serverNow,
      (isShown) => show(element("qr"), isShown),
    );
    this._client.addEventListener("change", () => this._show());
    this._client.addEventListener("welcome", () => this._winners.forget());
    this._client.addEventListener("winners", (event) => {
      this._winners.add(/** @type {CustomEvent} */ (event).detail);
      this._show();
    });
    language.addEventListener("change", () => this._show());
  }

  start() {
    this._client.start();
    setInterval(() => this._tick(), TICK_MS);
  }

  _show() {
    const [drop, ...others] = inOrder(this._client.state.drops);
    const ids = this._client.state.drops.map(({ id }) => id);
    show(element("waiting"), !drop && this._client.state.status === "live");
    setText(element("waiting"), this._language.say("screen_waiting"));
    show(element("shown"), drop !== undefined);
    this._winners.draw(drop?.id, ids);
    fill(
      element("others"),
      ...others
        .filter(({ state }) => ["open", "scheduled", "drawing", "sold_out"].includes(state))
        .slice(0, SHOWN_OTHERS)
        .map((other) => h("li", null, this._line(other))),
    );
    if (drop) this._showDrop(drop);
  }

  /** @param {Drop} drop */
  _showDrop(drop) {
    const { current } = this._language;
    const value = bigValue(drop.discount, drop.currency, current);
    const shown = /** @type {HTMLElement} */ (element("value"));
    shown.style.setProperty("--wide", String(wideness(value)));
    fill(
      shown,
      h("span", { class: "before" }, value.before),
      h("span", null, value.figure),
      h("span", { class: "after" }, value.after),
    );
    setText(element("name"), drop.name);
    const words = conditions(drop.discount, drop.threshold, drop.currency, current, drop.deducts);
    if (drop.draw) words.push(this._fingerprint(drop.draw.commitment));
    fill(element("conditions"), ...words.map((text) => h("li", null, text)));
    setText(element("message"), drop.message);
    element("shown").setAttribute("data-state", drop.state);
    this._showCode(drop);
    this._tick();
  }

  /** @param {string} commitment */
  _fingerprint(commitment) {
    return this._language.say("screen_fingerprint", { digits: commitment.slice(0, 16) });
  }

  _tick() {
    const [drop] = inOrder(this._client.state.drops);
    if (!drop) return;
    const numbers = numbersOf(drop, this._client.serverNow, this._language);
    setText(element("state"), numbers.state);
    setText(element("clock"), numbers.clock);
    element("clock").toggleAttribute("data-hurried", numbers.isHurried);
    setText(element("left"), numbers.stock);
    const track = /** @type {HTMLElement} */ (document.querySelector(".track"));
    show(track, numbers.part !== null);
    track.style.setProperty("--part", String(numbers.part ?? 0));
  }

  /** Show the code while the drop can be claimed, or soon. Without one the page is as good.
   * @param {Drop|undefined} drop */
  _showCode(drop) {
    this._code.of(drop && ["open", "scheduled"].includes(drop.state) ? drop.id : "");
  }

  /** @param {Drop} drop */
  _line(drop) {
    const { state, clock } = numbersOf(drop, this._client.serverNow, this._language);
    const value = shortValue(drop.discount, drop.currency, this._language.current);
    return this._language.say("screen_other", {
      value,
      name: drop.name,
      state: `${state} ${clock}`,
    });
  }
}

/** @param {string} id */
const element = (id) => /** @type {Element} */ (document.getElementById(id));

const room = document.body.dataset.room ?? "";
const language = new Language(screenMessages);
const token = admit(`screen/${room}`, MAY_WATCH, language);
if (token) new Screen(room, token, language).start();
