// @ts-check
/**
 * The id of a spin that has no answer yet. It is stored, so that a page that is opened again asks for the same
 * spin and not for a second one: the server gives the same answer to the same id, for ever.
 */

export class PendingSpin {
  /** @param {string} lotteryId @param {string} student */
  constructor(lotteryId, student) {
    this._name = `classdrop.spin.${lotteryId}.${student}`;
    /** @type {string} */
    this._inMemory = "";
  }

  /** The id of the spin that waits, empty where none does. */
  get waiting() {
    try {
      return localStorage.getItem(this._name) ?? this._inMemory;
    } catch {
      return this._inMemory;
    }
  }

  /** Return the id of the spin that waits, or begin a new one. */
  begin() {
    const id = this.waiting || crypto.randomUUID();
    this._keep(id);
    return id;
  }

  /** The spin has its answer. */
  end() {
    this._keep("");
  }

  /** @param {string} id */
  _keep(id) {
    this._inMemory = id;
    try {
      if (id) localStorage.setItem(this._name, id);
      else localStorage.removeItem(this._name);
    } catch {
      // Storage may be forbidden: the id then lasts as long as the page.
    }
  }
}
