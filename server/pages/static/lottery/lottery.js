// @ts-check
/** The page of a lottery: its face, its odds, and the check of one's own spins. */

import { Api } from "/sdk/api.js";
import { errorText } from "/sdk/texts.js";
import { verifySpins } from "/sdk/lotteries.js";
import { drawEach, fill, h, setText, show } from "/sdk/element/dom.js";
import { dateText } from "/sdk/element/value.js";
import { admit, expiryNotice } from "../shared/access.js";
import { asApiError } from "../shared/api-errors.js";
import { Language } from "../shared/language.js";
import { claimsOf } from "../shared/token.js";
import { boxes, calendar, scratchCard, wheel } from "./faces.js";
import { limitsText, oddsRow, prizeName, seedNodes, stateText, worthOf } from "./lottery-texts.js";
import { lotteryMessages } from "./messages-lottery.js";
import { PendingSpin } from "./pending-spin.js";

/** @typedef {import("/sdk/shapes.js").Lottery} Lottery */
/** @typedef {import("/sdk/shapes.js").Spin} Spin */
/** @typedef {import("/sdk/shapes.js").SpinRecord} SpinRecord */

const SHOWN_SPINS = 200;

class LotteryPage {
  /** @param {string} id @param {string} token @param {Language} language */
  constructor(id, token, language) {
    this._id = id;
    this._language = language;
    this._api = new Api({ url: location.origin, getToken: () => token });
    this._sayExpired = expiryNotice(language);
    this._pending = new PendingSpin(id, claimsOf(token).sub ?? "");
    this._isStudent = (claimsOf(token).role ?? "student") === "student";
    /** @type {Lottery|null} */
    this._lottery = null;
    /** @type {Spin|null} */
    this._result = null;
    /** @type {SpinRecord[]} */
    this._spins = [];
    /** @type {Map<number, string>} */
    this._verdicts = new Map();
    this._isBusy = false;
    this._error = "";
    /** @type {import("./faces.js").Face|null} */
    this._face = null;
    element("spin").addEventListener("click", () => void this._spin());
    element("check").addEventListener("click", () => void this._check());
    language.addEventListener("change", () => this._show());
  }

  async start() {
    await this._try(() => this._load());
    // A spin whose answer never came is asked for again: it is the same one.
    if (this._pending.waiting && this._lottery) await this._spin();
  }

  async _load() {
    this._lottery = await this._api.getLottery(this._id);
    if (this._isStudent) await this._loadSpins();
    this._face ??= this._makeFace(this._lottery);
  }

  async _loadSpins() {
    /** @type {SpinRecord[]} */
    const found = [];
    /** @type {string|null|undefined} */
    let after;
    do {
      const page = await this._api.listSpins(this._id, { limit: 200, ...(after ? { after } : {}) });
      found.push(...page.spins);
      after = page.next;
    } while (after && found.length < 1_000);
    this._spins = found;
  }

  /** @param {Lottery} lottery */
  _makeFace(lottery) {
    const language = this._language;
    const faces = {
      wheel: () => wheel(() => this._segments()),
      scratch: () => scratchCard(),
      box: () => boxes(language, () => void this._spin()),
      signin: () =>
        calendar(
          language,
          () => this._lottery?.days[0]?.day ?? "1970-01-01",
          () => new Set(this._spins.map(({ day }) => day)),
        ),
    };
    const face = (faces[lottery.face] ?? faces.wheel)();
    fill(element("face"), face.node);
    return face;
  }

  _segments() {
    const prizes = this._lottery?.prizes ?? [];
    const all = prizes.map((prize) => ({
      label: prize.name || worthOf(prize, this._language) || prizeName(prize, this._language),
      place: prize.batch_id === null ? null : prize.place,
    }));
    // A prize that is gone wins nothing, also where the list has no place for that.
    return all.some(({ place }) => place === null)
      ? all
      : [...all, { label: this._language.say("nothing_prize"), place: null }];
  }

  async _spin() {
    if (this._isBusy || !this._lottery) return;
    this._isBusy = true;
    this._result = null;
    this._show();
    await this._try(async () => {
      const spin = await this._api.spin(this._id, this._pending.begin());
      this._pending.end();
      // The result is known before anything moves.
      if (spin.outcome === "won" || spin.outcome === "nothing")
        await this._face?.reveal(spin.prize?.place ?? null, this._headline(spin));
      this._result = spin;
      await this._load();
    });
    this._isBusy = false;
    this._show();
  }

  async _check() {
    const lottery = this._lottery;
    if (!lottery || this._isBusy) return;
    await this._try(async () => {
      await this._load();
      const checked = await verifySpins(this._lottery ?? lottery, this._spins);
      this._verdicts = new Map(checked.map(({ n, verdict }) => [n, verdict]));
    });
  }

  /** @param {() => Promise<void>} job */
  async _try(job) {
    try {
      await job();
      this._error = "";
    } catch (error) {
      const { code } = asApiError(error);
      if (code === "token_expired") this._sayExpired();
      // What is refused for good does not wait any more.
      if (code === "blocked" || code === "not_found") this._pending.end();
      this._error = code;
    }
    this._show();
  }

  _show() {
    const { _language: language, _lottery: lottery } = this;
    show(element("trouble"), this._error !== "");
    setText(element("trouble"), this._error ? errorText(this._error, language.current) : "");
    for (const id of ["play", "odds-panel"]) show(element(id), lottery !== null);
    show(element("check-panel"), lottery !== null && this._isStudent);
    if (!lottery) return;
    element("name").removeAttribute("data-say");
    setText(element("name"), lottery.name);
    document.title = `${lottery.name} · Classdrop`;
    setText(element("window"), stateText(lottery, language));
    this._showPlay(lottery);
    fill(element("odds"), ...lottery.prizes.map((prize) => oddsRow(prize, language)));
    setText(element("policy"), language.say(`policy_${lottery.empty_policy}`));
    setText(element("limits"), limitsText(lottery, language));
    show(element("legal"), Boolean(lottery.legal));
    setText(element("legal"), lottery.legal ?? "");
    this._showSpins(lottery);
  }

  /** @param {Lottery} lottery */
  _showPlay(lottery) {
    const { _language: language, _isBusy: isBusy } = this;
    if (!isBusy) this._face?.update();
    const left = lottery.chances_left ?? 0;
    const isReady = this._isStudent && lottery.open && left > 0;
    const button = element("spin");
    const key = isBusy ? "spinning" : this._pending.waiting ? "try_again" : `spin_${lottery.face}`;
    setText(button, language.say(key));
    button.toggleAttribute("disabled", isBusy || !(isReady || this._pending.waiting));
    for (const one of element("face").querySelectorAll("button"))
      one.toggleAttribute("disabled", isBusy || !isReady);
    show(element("chances"), this._isStudent);
    setText(element("chances"), language.say("chances_left", { n: left }));
    fill(element("result"), ...(this._result ? this._resultNodes(this._result) : []));
  }

  /** @param {Spin} spin */
  _headline(spin) {
    return spin.prize ? spin.prize.name : this._language.say("nothing_prize");
  }

  /** @param {Spin} spin @returns {HTMLElement[]} */
  _resultNodes(spin) {
    const { outcome, prize, coupon } = spin;
    const words = this._language.say(outcome, { prize: prize?.name ?? "" });
    const headline = h("p", { class: "headline" }, words);
    if (!coupon) return [headline];
    const at = dateText(coupon.use_by, this._language.current);
    const ticket = h(
      "div",
      { class: "ticket" },
      h("code", null, coupon.code),
      h("span", { class: "hint" }, this._language.say("in_wallet", { at })),
    );
    return [headline, ticket];
  }

  /** @param {Lottery} lottery */
  _showSpins(lottery) {
    const language = this._language;
    fill(element("seeds"), ...seedNodes(lottery, language));
    show(element("spins-empty"), this._spins.length === 0);
    show(element("check"), this._spins.length > 0);
    const rows = this._spins.slice(0, SHOWN_SPINS);
    fill(
      element("spins"),
      ...drawEach(
        rows,
        (spin) => this._spinRow(lottery, spin),
        ({ n }) => h("li", null, String(n)),
      ),
    );
    setText(element("checked"), this._checkedText());
  }

  /** @param {Lottery} lottery @param {SpinRecord} spin */
  _spinRow(lottery, spin) {
    const { n, day, number, outcome, prize } = spin;
    const language = this._language;
    const verdict = this._verdicts.get(n);
    const won =
      outcome === undefined
        ? language.say("on_its_way")
        : prize === undefined
          ? language.say("nothing_prize")
          : prizeName(lottery.prizes[prize], language);
    return h(
      "li",
      null,
      h(
        "span",
        { class: "what" },
        h("strong", null, won),
        " ",
        h(
          "span",
          { class: "hint" },
          language.say("spin_row", { n, day, number: String(number).padStart(6, "0") }),
        ),
      ),
      verdict &&
        h(
          "span",
          { class: "verdict", "data-verdict": verdict },
          language.say(`verdict_${verdict}`),
        ),
    );
  }

  _checkedText() {
    const all = [...this._verdicts.values()];
    if (all.length === 0) return "";
    const wrong = all.filter((one) => one.startsWith("wrong")).length;
    const good = all.filter((one) => one === "good").length;
    if (wrong) return this._language.say("checked_wrong", { n: wrong });
    const key = good === all.length ? "checked_good" : "checked_some";
    return this._language.say(key, { n: good });
  }
}

/** @param {string} id @returns {HTMLElement} */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const language = new Language(lotteryMessages);
language.switchWith(/** @type {HTMLButtonElement} */ (element("language")));
const id = decodeURIComponent(location.pathname.split("/").pop() ?? "");
const token = admit("lottery", ["student", "operator"], language);
if (token) void new LotteryPage(id, token, language).start();
