// @ts-check
/**
 * The changes that a teacher can make, each as two calls: `send` makes the change and may be
 * repeated, `look` asks whether it was made. `look` is needed when the outcome of `send` is
 * unknown. Used by the console.
 */

/** @typedef {import("/sdk/api.js").Api} Api */
/** @typedef {import("/sdk/shapes.js").DropReport} DropReport */
/** @typedef {import("./drop-store.js").ShownDrop} ShownDrop */
/**
 * @typedef {object} Change
 * @property {(api: Api) => Promise<DropReport>} send
 * @property {(api: Api) => Promise<DropReport|null>} look null: it was not done
 */

/** The key in a drop's metadata that names the action that created it. */
const PRESS = "console_press";

export class DropChanges {
  /** @param {string} room */
  constructor(room) {
    this._room = room;
  }

  /**
   * @param {import("/sdk/shapes.js").DropForm} form
   * @param {string} key of the action: it creates one drop, however often it is sent
   * @returns {Change}
   */
  create(form, key) {
    const body = { ...form, metadata: { [PRESS]: key } };
    return {
      send: (api) => api.createDrop(this._room, body, { idempotencyKey: key }),
      look: async (api) => {
        const { drops } = await api.listDrops(this._room);
        return drops.find(({ metadata }) => metadata?.[PRESS] === key) ?? null;
      },
    };
  }

  /** @param {string} id @returns {Change} */
  open(id) {
    return this._of(
      id,
      (api) => api.openDrop(this._room, id),
      ({ state }) => state !== "prepared",
    );
  }

  /** @param {string} id @returns {Change} */
  close(id) {
    return this._of(
      id,
      (api) => api.closeDrop(this._room, id),
      ({ state }) => state === "closed",
    );
  }

  /** Call a draw off. @param {string} id @param {string} reason @returns {Change} */
  abort(id, reason) {
    return this._of(
      id,
      (api) => api.abortDraw(this._room, id, reason),
      ({ state }) => state === "aborted",
    );
  }

  /** @param {import("/sdk/shapes.js").ReopenForm} form @param {ShownDrop} drop as it was seen
   * @returns {Change} */
  reopen(form, { id, openings: seen }) {
    return this._of(
      id,
      (api) => api.reopenDrop(this._room, id, form),
      ({ openings }) => openings > seen,
    );
  }

  /** @param {number} add @param {ShownDrop} drop as it was seen @returns {Change} */
  topUp(add, { id, quantity: seen }) {
    const body = { add, expected_quantity: seen };
    return this._of(
      id,
      (api) => api.topUpDrop(this._room, id, body),
      ({ quantity }) => quantity >= seen + add,
    );
  }

  /** @param {number} seconds @param {ShownDrop} drop as it was seen @returns {Change} */
  extend(seconds, { id, closes_at: seen }) {
    const body = { seconds, expected_closes_at: seen ?? "" };
    const isLater = (/** @type {DropReport} */ { closes_at }) =>
      Date.parse(closes_at ?? "") > Date.parse(seen ?? "");
    return this._of(id, (api) => api.extendDrop(this._room, id, body), isLater);
  }

  /**
   * @param {string} id
   * @param {Change["send"]} send
   * @param {(drop: DropReport) => boolean} isDone
   * @returns {Change}
   */
  _of(id, send, isDone) {
    return {
      send,
      look: async (api) => {
        const drop = await api.getDrop(this._room, id);
        return isDone(drop) ? drop : null;
      },
    };
  }
}
