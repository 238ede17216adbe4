// @ts-check
/**
 * The server's time of day, for pages without a room's socket: the `Date` header of the last answer
 * plus the time since, measured by a monotonic clock. The device's own time of day may be wrong by
 * hours, and may be changed while the page is open. Imports nothing, so that it can be tested
 * without a page.
 */

export class ServerClock {
  /**
   * @param {() => number} [monotonic] ms
   * @param {() => number} [wallNow] used before the first answer
   */
  constructor(monotonic = () => performance.now(), wallNow = Date.now) {
    this._monotonic = monotonic;
    this._offset = wallNow() - monotonic();
  }

  /** ms since 1970 */
  now() {
    return this._monotonic() + this._offset;
  }

  /** `fetch` that notes the `Date` of each answer. @type {typeof fetch} */
  fetch = async (...asked) => {
    const answer = await fetch(...asked);
    this.noteDate(answer.headers.get("Date"));
    return answer;
  };

  /** @param {string|null} date of an answer, in whole seconds: half a second is added */
  noteDate(date) {
    const at = Date.parse(date ?? "");
    if (!Number.isNaN(at)) this._offset = at + 500 - this._monotonic();
  }
}
