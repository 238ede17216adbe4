// @ts-check
/**
 * The page of a draw: it reads the published proof, computes it again in this browser, and says in
 * words what was checked and what not. A proof from a file is checked alike, without a sign-in.
 */

import { Api } from "/sdk/api.js";
import { errorText } from "/sdk/texts.js";
import { ApiError } from "/sdk/transport.js";
import { fill, h, setText, show } from "/sdk/element/dom.js";
import { asApiError } from "../shared/api-errors.js";
import { Language } from "../shared/language.js";
import { claimsOf, takeToken } from "../shared/token.js";
import { drawMessages } from "./messages-draw.js";
import { checkDraw, findEntry } from "./proof.js";

/** @typedef {import("/sdk/shapes.js").Draw} Draw */
/** @typedef {import("/sdk/shapes.js").DrawEntry} DrawEntry */

const SHOWN_WINNERS = 200;
/** A class that looks at an open draw reads it at moments spread over this time. */
const AGAIN_MS = 3_000;
const FACTS = /** @type {const} */ (["commitment", "seed", "root", "beacon", "count", "units"]);

class DrawPage {
  /** @param {string} id @param {string} token @param {Language} language */
  constructor(id, token, language) {
    this._id = id;
    this._language = language;
    this._api = token ? new Api({ url: location.origin, getToken: () => token }) : null;
    this._isStudent = claimsOf(token).role === "student";
    /** @type {Draw|null} */
    this._draw = null;
    /** @type {DrawEntry|null} */
    this._mine = null;
    /** @type {import("./proof.js").Proof|null} */
    this._proof = null;
    /** The state of the page while there is no proof. */
    this._stage = token ? "draw_reading" : "draw_no_token";
    /** @type {ApiError|null} */
    this._error = null;
    this._asked = "";
    language.addEventListener("change", () => this._show());
    element("look").addEventListener("submit", (event) => {
      event.preventDefault();
      this._asked = /** @type {HTMLInputElement} */ (element("entry")).value;
      this._showFound();
    });
    element("save").addEventListener("click", () => this._save());
    element("file").addEventListener("change", () => void this._readFile());
  }

  async start() {
    this._show();
    await this._read();
  }

  async _read() {
    if (!this._api) return;
    try {
      const [draw, mine] = await Promise.all([this._api.draw(this._id), this._readMine(this._api)]);
      this._mine = mine;
      await this._check(draw);
      if (this._proof?.verdict === "open") this._readAgain();
    } catch (error) {
      this._error = asApiError(error);
      this._show();
    }
  }

  /** Read again soon, until the draw is over. A hidden page waits until it is looked at. */
  _readAgain() {
    setTimeout(
      () => (document.hidden ? this._readAgain() : void this._read()),
      AGAIN_MS + Math.random() * AGAIN_MS,
    );
  }

  /** @param {Api} api @returns {Promise<DrawEntry|null>} null: no entry, or not a student */
  async _readMine(api) {
    if (!this._isStudent) return null;
    try {
      return await api.myDrawEntry(this._id);
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_found") return null;
      throw error;
    }
  }

  /** @param {Draw} draw */
  async _check(draw) {
    this._error = null;
    if (draw.state === "closed" || draw.state === "aborted") {
      this._proof = null;
      this._stage = "draw_checking";
      this._show();
    }
    const mine = this._mine?.receipt.drop_id === draw.drop_id ? this._mine : null;
    this._proof = await checkDraw(draw, mine);
    this._draw = this._proof.verdict === "malformed" ? null : draw;
    this._show();
  }

  async _readFile() {
    const file = /** @type {HTMLInputElement} */ (element("file")).files?.[0];
    if (!file) return;
    try {
      await this._check(JSON.parse(await file.text()));
    } catch {
      this._draw = null;
      this._proof = { verdict: "malformed", checks: [] };
      this._show();
    }
  }

  _show() {
    const say = this._language.say.bind(this._language);
    show(element("trouble"), this._error !== null);
    const error = this._error;
    setText(
      element("trouble"),
      error ? errorText(error.code, this._language.current, error.facts) : "",
    );
    setText(element("which"), this._draw?.drop_id ?? this._id);
    this._showVerdict();
    this._showMine();
    this._showFound();
    show(element("facts-panel"), this._draw !== null);
    const draw = this._draw;
    if (!draw) return;
    const known = FACTS.filter((name) => draw[name] !== null && draw[name] !== undefined);
    fill(
      element("facts"),
      ...known.map((name) =>
        h("div", null, h("dt", null, say(`fact_${name}`)), h("dd", null, String(draw[name]))),
      ),
    );
    const { winners } = draw;
    show(element("drawn"), winners.length > 0);
    fill(
      element("winners"),
      ...winners.slice(0, SHOWN_WINNERS).map((index) => h("li", null, String(index + 1))),
    );
    const more = winners.length - SHOWN_WINNERS;
    setText(element("winners-more"), more > 0 ? say("draw_winners_more", { n: more }) : "");
  }

  _showVerdict() {
    const say = this._language.say.bind(this._language);
    const { verdict, checks } = this._proof ?? { verdict: "", checks: [] };
    const isAborted = this._draw?.state === "aborted" && verdict === "good";
    const key = isAborted ? "draw_aborted" : verdict ? `draw_${verdict}` : this._stage;
    const title = element("verdict");
    title.setAttribute("data-verdict", isAborted ? "open" : verdict);
    setText(title, this._error ? "" : say(key));
    setText(
      element("verdict-note"),
      isAborted
        ? say("draw_aborted_note", { reason: this._draw?.abort_reason ?? "" })
        : ["open", "good", "bad"].includes(verdict)
          ? say(`draw_${verdict}_note`)
          : "",
    );
    fill(
      element("checks"),
      ...checks.map(({ key: what, isGood, values }) =>
        checkLine(
          isGood,
          isGood ? say(what, values) : say("check_bad", { what: say(what, values) }),
        ),
      ),
    );
  }

  _showMine() {
    const say = this._language.say.bind(this._language);
    const isRead = this._proof !== null && this._isStudent;
    show(element("mine"), isRead);
    if (!isRead) return;
    setText(
      element("mine"),
      this._mine
        ? say(`draw_mine_${this._mine.result}`, { n: this._mine.receipt.index + 1 })
        : say("draw_mine_none"),
    );
  }

  _showFound() {
    const say = this._language.say.bind(this._language);
    const place = element("found");
    if (!this._asked || !this._draw) return setText(place, "");
    if (this._proof?.verdict === "open") return setText(place, say("draw_found_later"));
    const found = findEntry(this._draw, this._asked);
    if (!found) return setText(place, say("draw_found_none"));
    const n = found.index + 1;
    setText(
      place,
      found.place < 0
        ? say("draw_found_reserve", { n })
        : say("draw_found_won", { n, place: found.place + 1 }),
    );
  }

  _save() {
    const text = JSON.stringify(this._draw);
    const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    h("a", { href, download: `draw-${this._draw?.drop_id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }
}

/** @param {boolean} isGood @param {string} text */
const checkLine = (isGood, text) =>
  h("li", { "data-check": isGood ? "good" : "bad" }, h("span", null, text));

/** @param {string} id */
const element = (id) => /** @type {Element} */ (document.getElementById(id));

const id = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const language = new Language(drawMessages);
language.switchWith(/** @type {HTMLElement} */ (element("language")));
void new DrawPage(id, takeToken(`draw/${id}`), language).start();
