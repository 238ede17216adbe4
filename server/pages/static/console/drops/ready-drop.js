// @ts-check
/** The card of a prepared drop, with the button that opens it. Used by the console. */

import { h, setText, show } from "/sdk/element/dom.js";
import { shortValue } from "/sdk/element/value.js";
import { audienceText } from "../form/audience-text.js";
import { costText, endingText, lengthText } from "../form/cost-text.js";
import { ActionButton } from "../action-button.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("./drop-store.js").ShownDrop} ShownDrop */

export class ReadyDrop {
  /**
   * @param {string} id
   * @param {import("../action-button.js").ActionContext} desk
   * @param {(what: string) => void} start
   */
  constructor(id, desk, start) {
    this._what = "";
    this.press = new ActionButton(desk);
    this.value = h("span", { class: "worth" });
    this.name = h("h3", { id: `ready-${id}` });
    this.facts = h("p", { class: "hint figures" });
    this.message = h("p", { class: "said" });
    this.audience = h("p", { class: "audience", hidden: true });
    this.cost = h("p", { class: "cost" });
    this.start = h("button", {
      class: "main",
      type: "button",
      "data-start": id,
      "aria-describedby": `ready-${id}`,
      onclick: () => this._pressed(start),
    });
    this.root = h(
      "li",
      { class: "panel ready", "data-drop": id },
      h("div", { class: "head" }, this.value, h("div", null, this.name, this.facts)),
      this.audience,
      this.message,
      this.cost,
      this.start,
      this.press.root,
    );
  }

  /** @param {(what: string) => void} start */
  _pressed(start) {
    if (this.start.getAttribute("aria-disabled") !== "true") start(this._what);
  }

  /**
   * @param {ShownDrop} drop prepared, or opened a moment ago
   * @param {Language} language
   */
  update(drop, language) {
    const value = drop.discount
      ? shortValue(drop.discount, drop.currency ?? "CNY", language.current)
      : "";
    const parts = [`× ${drop.quantity}`];
    const ending = endingText(drop, language);
    if (ending) parts.push(ending);
    if (drop.opens_in_seconds) {
      parts.push(`${language.say("countdown")} ${lengthText(drop.opens_in_seconds, language)}`);
    }
    setText(this.value, value);
    setText(this.name, drop.name ?? "");
    setText(this.facts, parts.join(" · "));
    show(this.message, Boolean(drop.message));
    setText(this.message, drop.message ?? "");
    const cost = drop.rehearsal ? "" : costText(drop, drop.quantity, language);
    show(this.cost, Boolean(cost));
    setText(this.cost, cost);
    const audience = audienceText(drop, language);
    show(this.audience, audience !== "");
    setText(this.audience, audience);
    this.root.toggleAttribute("data-rehearsal", Boolean(drop.rehearsal));
    const isSent = drop.state !== "prepared";
    setText(this.start, language.say(isSent ? "sent" : "start"));
    this.start.setAttribute("aria-disabled", String(isSent));
    this._what = language.say("takeback_hint", {
      value: value || (drop.name ?? ""),
      n: drop.quantity,
    });
  }
}
