// @ts-check
/** The keys of requests that may be sent again: each is done once. Used by the console. */

import { newRequestId } from "/sdk/transport.js";

/** A request that a person may press again: after a failure the same one has the same key. */
export class Attempt {
  constructor() {
    /** @type {{body: string, key: string}|null} */
    this._last = null;
  }

  /** @param {object} form the body of the request */
  keyOf(form) {
    const body = JSON.stringify(form);
    if (this._last?.body !== body) this._last = { body, key: newRequestId() };
    return this._last.key;
  }

  /** Let the next request have a key of its own, also where it is the same. */
  end() {
    this._last = null;
  }
}
