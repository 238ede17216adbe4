// @ts-check
/**
 * A press that got no answer is sent again: a process that restarts is followed by another in a moment.
 * For calls that do it once however often they come (a key, an expected quantity, a state). Used by the
 * console; imports nothing, so that it is tested without a page.
 */

const WAITS_MS = [300, 1_000, 2_000, 3_000];
/** A server that is away for longer is the teacher's to decide about. */
const GIVE_UP_MS = 12_000;

/** @typedef {{now: () => number, pause: (ms: number) => Promise<void>}} Clock */

/**
 * @template T
 * @param {() => Promise<T>} call
 * @param {{clock?: Clock, signal?: AbortSignal}} [options] nothing is sent any more once `signal` is aborted
 * @returns {Promise<T>}
 */
export async function retryUntilAnswered(
  call,
  { clock = { now: () => performance.now(), pause }, signal } = {},
) {
  const begun = clock.now();
  for (const wait of WAITS_MS) {
    try {
      return await call();
    } catch (error) {
      const { retryable, retryAfterMs } = /** @type {import("/sdk/index.js").ApiError} */ (error);
      const pauseMs = Math.max(wait, retryAfterMs ?? 0);
      if (!retryable || clock.now() + pauseMs - begun > GIVE_UP_MS) throw error;
      await clock.pause(pauseMs);
      if (signal?.aborted) throw error;
    }
  }
  return call();
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
