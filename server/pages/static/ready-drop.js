// @ts-check
/** A prepared drop as a card in running order, with the button that sends it. Used by the console. */

import { h, setText, show } from "/sdk/element/dom.js";
import { shortValue } from "/sdk/element/value.js";
import { errorText } from "/sdk/index.js";
import { costText, lengthText } from "./cost.js";

/** @typedef {import("./language.js").Language} Language */
/** @typedef {import("./drops.js").ShownDrop} ShownDrop */

export class ReadyDrop {
  /**
   * @param {string} id
   * @param {(what: string) => void} press
   */
  constructor(id, press) {
    this._what = "";
    this.value = h("span", { class: "worth" });
    this.name = h("strong", { id: `ready-${id}` });
    this.facts = h("p", { class: "hint figures" });
    this.message = h("p", { class: "said" });
    this.cost = h("p", { class: "cost" });
    this.error = h("p", { class: "field-error", role: "alert", hidden: true });
    this.start = h("button", { class: "main", type: "button", "data-start": id,
      "aria-describedby": `ready-${id}`, onclick: () => press(this._what) });
    this.root = h("li", { class: "panel ready", "data-drop": id },
      h("div", { class: "head" }, this.value, h("div", null, this.name, this.facts)),
      this.message, this.cost, this.error, this.start);
  }

  /**
   * @param {ShownDrop} drop
   * @param {Language} language
   */
  update(drop, language) {
    const value = drop.discount ? shortValue(drop.discount, drop.currency ?? "CNY", language.current) : "";
    const parts = [`× ${drop.quantity}`];
    if (drop.duration_seconds) parts.push(lengthText(drop.duration_seconds, language));
    if (drop.opens_in_seconds) {
      parts.push(`${language.say("countdown")} ${lengthText(drop.opens_in_seconds, language)}`);
    }
    setText(this.value, value);
    setText(this.name, drop.name ?? "");
    setText(this.facts, parts.join(" · "));
    show(this.message, Boolean(drop.message));
    setText(this.message, drop.message ?? "");
    const cost = costText(drop, drop.quantity, language);
    show(this.cost, Boolean(cost));
    setText(this.cost, cost);
    setText(this.start, language.say("start"));
    this._what = language.say("takeback_hint", { value: value || (drop.name ?? ""), n: drop.quantity });
  }

  /**
   * @param {import("/sdk/api.js").ApiError|null} error
   * @param {Language} language
   */
  fail(error, language) {
    show(this.error, error !== null);
    setText(this.error, error ? errorText(error.code, language.current, error.facts) : "");
  }
}
