// @ts-check
/**
 * The bar above the prepared drops: how far the class and the video are, and the button that holds whatever opens
 * by itself. The run sheet shows it.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { videoTime } from "./order.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").RunningOrder} RunningOrder */
/** @typedef {{begin: () => void, hold: () => void}} Presses */

const MINUTE_MS = 60_000;
/** A player tells its position every few seconds while it plays. */
const SILENT_AFTER_MS = 15_000;

export class StageBar {
  /** @param {Language} language @param {Presses} presses */
  constructor(language, presses) {
    this._language = language;
    this._class = h("span", { class: "stage-class figures" });
    this._begin = h("button", { type: "button", class: "plain-button", onclick: presses.begin });
    this._video = h("span", { class: "hint figures", hidden: true });
    this._hold = h("button", {
      type: "button",
      class: "plain-button",
      id: "stage-hold",
      onclick: presses.hold,
    });
    this._held = h("p", { class: "stage-held", role: "status" });
    this._said = h("p", { class: "spoken", role: "status" });
    this._trouble = h("p", { class: "field-error", role: "alert", hidden: true });
    this.root = h(
      "div",
      { class: "stage-bar", role: "group" },
      h("p", { class: "stage-now" }, this._class, this._video),
      this._held,
      h("div", { class: "stage-row" }, this._hold, this._begin),
      this._said,
      this._trouble,
    );
  }

  /** Say something aloud that the eye sees anyway. @param {string} text */
  say(text) {
    setText(this._said, text);
  }

  /** @param {string} text empty: nothing is wrong */
  fail(text) {
    show(this._trouble, text !== "");
    setText(this._trouble, text);
  }

  /**
   * @param {RunningOrder} order
   * @param {boolean} isShown whether anything is prepared
   * @param {number} now server time, ms
   */
  update(order, isShown, now) {
    const say = this._language.say.bind(this._language);
    show(this.root, isShown || order.held);
    this.root.setAttribute("aria-label", say("stage"));
    this.root.toggleAttribute("data-held", order.held);
    setText(this._class, this._classText(order, now));
    setText(this._begin, say(order.started_at ? "class_again" : "class_begin"));
    setText(this._hold, say(order.held ? "resume" : "hold"));
    setText(this._held, order.held ? say("held_by", { who: order.held_by ?? "" }) : "");
    show(this._held, order.held);
    this._showVideo(order, now);
  }

  /** @param {RunningOrder} order @param {number} now */
  _classText({ started_at, held }, now) {
    const say = this._language.say.bind(this._language);
    if (!started_at) return say("class_not_begun");
    if (held) return say("class_paused");
    const n = Math.max(0, Math.floor((now - Date.parse(started_at)) / MINUTE_MS));
    return say("class_minute", { n });
  }

  /** @param {RunningOrder} order @param {number} now */
  _showVideo({ entries, video_seconds, video_at }, now) {
    const isAwaited = entries.some((one) => one.video_seconds !== undefined && isWaiting(one));
    show(this._video, isAwaited || video_seconds !== undefined);
    const isSilent = now - Date.parse(video_at ?? "") > SILENT_AFTER_MS;
    const text =
      video_seconds === undefined
        ? this._language.say("video_none")
        : this._language.say(isSilent ? "video_silent" : "video_at", {
            at: videoTime(video_seconds),
          });
    setText(this._video, text);
  }
}

/** @param {import("/sdk/shapes.js").OrderEntry} entry */
const isWaiting = ({ state, drop_state }) => state === "waiting" && drop_state === "prepared";
