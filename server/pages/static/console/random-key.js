// @ts-check
/** Keys for requests that may be sent again: each is done once. Used by the console. */

/** @returns {string} 128 random bits */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** A request that a person may press again: after a failure the same one has the same key. */
export class Attempt {
  constructor() {
    /** @type {{body: string, key: string}|null} */
    this._last = null;
  }

  /** @param {object} form the body of the request */
  keyOf(form) {
    const body = JSON.stringify(form);
    if (this._last?.body !== body) this._last = { body, key: randomKey() };
    return this._last.key;
  }

  /** Let the next request have a key of its own, also where it is the same. */
  end() {
    this._last = null;
  }
}
