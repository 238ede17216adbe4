// @ts-check
/**
 * The proof of a coupon that a drop gave: a line of the wallet that reads the receipt and verifies it here, in the
 * browser, against the seal that the room was told. Used by `wallet.js`. No server is asked whether it is sound.
 */

import { verifyReceipt } from "/sdk/receipts.js";
import { errorText } from "/sdk/texts.js";
import { h, setText, show } from "/sdk/element/dom.js";
import { asApiError } from "../shared/api-errors.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").DropSeal} DropSeal */
/** @typedef {import("/sdk/shapes.js").Receipt} Receipt */

export class Proof {
  /**
   * @param {string} dropId
   * @param {import("/sdk/api.js").Api} api
   * @param {Language} language
   * @param {() => DropSeal|undefined} told the seal that the room was told of, where it still shows the drop
   */
  constructor(dropId, api, language, told) {
    this._dropId = dropId;
    this._api = api;
    this._language = language;
    this._told = told;
    /** @type {() => string} */
    this._say = () => "";
    this._button = h("button", { type: "button", class: "check" });
    this._button.addEventListener("click", () => void this._check());
    this._said = h("span", { class: "proof", role: "status" });
    this.node = h("div", null, this._button, this._said);
    this.draw();
  }

  /** Show the texts in the language of now. */
  draw() {
    const seal = this._told();
    const ask = seal ? ["proof_check_of", { count: seal.count }] : ["proof_check", {}];
    setText(
      this._button,
      this._language.say(.../** @type {[string, Record<string, string|number>]} */ (ask)),
    );
    setText(this._said, this._say());
    show(this._said, this._say() !== "");
  }

  async _check() {
    this._tell("proof_checking");
    try {
      const receipt = await this._api.receipt(this._dropId);
      const fault = await verifyReceipt(receipt, this._told()?.seal ?? null);
      if (fault !== null) this._tell("proof_wrong", { fault });
      else if (!receipt.own) this._tell("proof_not_in");
      else this._tellSound(receipt);
    } catch (error) {
      const { code } = asApiError(error);
      if (code === "wrong_state") return this._tell("proof_wait");
      this._say = () => errorText(code, this._language.current);
      this.draw();
    }
  }

  /** @param {Receipt} receipt */
  _tellSound({ count, stock, came_back, given_again, own }) {
    const say = this._language.say.bind(this._language);
    this._say = () =>
      [
        say("proof_sound", { count, stock, n: (own?.index ?? 0) + 1 }),
        came_back > 0 && say("proof_came_back", { n: came_back, again: given_again }),
        (own?.turn ?? 1) > 1 && say("proof_given_again"),
      ]
        .filter(Boolean)
        .join(this._language.current === "zh" ? "" : " ");
    this.draw();
  }

  /** @param {string} word @param {Record<string, string|number>} [facts] */
  _tell(word, facts = {}) {
    this._say = () => this._language.say(word, facts);
    this.draw();
  }
}
