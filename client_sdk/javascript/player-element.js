// @ts-check
/**
 * `<classdrop-player room="…"><video …></video></classdrop-player>`: tells Classdrop where the video inside it is,
 * for the teacher's page. It shows nothing itself. The use of it is in `EMBED.md`.
 *
 * @module
 */

import { Api } from "./api.js";
import { PlayerPosition } from "./player_position.js";

export class ClassdropPlayer extends HTMLElement {
  constructor() {
    super();
    /** Called for a token of the room's teacher, at the start and when one has expired.
     * @type {(() => string|Promise<string>)|null} */
    this.getToken = null;
    /** @type {(() => void)|null} */
    this._end = null;
    /** What was told last: the code of a refusal, or empty. */
    this._told = "";
  }

  connectedCallback() {
    const server = this.getAttribute("server") ?? new URL(import.meta.url).origin;
    const api = new Api({ url: server, getToken: async () => (await this.getToken?.()) ?? "" });
    const position = new PlayerPosition({ api, room: this.getAttribute("room") ?? "" });
    // Media events do not bubble, but they are captured: a video that comes later is followed too.
    const tell = (/** @type {Event} */ { target }) => {
      if (target instanceof HTMLMediaElement) void this._tell(position, target);
    };
    this.addEventListener("timeupdate", tell, true);
    this._end = () => this.removeEventListener("timeupdate", tell, true);
  }

  disconnectedCallback() {
    this._end?.();
  }

  /** @param {PlayerPosition} position @param {HTMLMediaElement} media */
  async _tell(position, media) {
    const isPlaying = !media.paused && !media.ended && !media.seeking;
    await position.update(media.currentTime, isPlaying);
    const code = position.error?.code ?? "";
    if (code && code !== this._told) {
      const detail = { event: "refused", code };
      this.dispatchEvent(new CustomEvent("classdrop", { detail, bubbles: true, composed: true }));
    }
    this._told = code;
  }
}

if (!customElements.get("classdrop-player"))
  customElements.define("classdrop-player", ClassdropPlayer);
