// @ts-check
/** Tells whether the reader has not touched the page for a moment. Only then may cards change places. */

const STILL_MS = 1_000;
const TOUCHES = ["pointerdown", "pointerup", "pointercancel", "keydown", "scroll"];

export class Stillness {
  constructor() {
    this._touchedAt = -Infinity;
    this._isDown = false;
    this._onTouch = this._onTouch.bind(this);
  }

  /** @param {"addEventListener"|"removeEventListener"} method */
  listen(method) {
    for (const type of TOUCHES)
      window[method](type, this._onTouch, { capture: true, passive: true });
  }

  get isStill() {
    return !this._isDown && performance.now() - this._touchedAt >= STILL_MS;
  }

  /** @param {Event} event */
  _onTouch({ type }) {
    this._touchedAt = performance.now();
    if (type === "pointerdown") this._isDown = true;
    else if (type === "pointerup" || type === "pointercancel") this._isDown = false;
  }
}
