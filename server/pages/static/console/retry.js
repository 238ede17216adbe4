// @ts-check
/**
 * Repeats a call that got no answer: a process that restarts is replaced in a moment. Only for
 * calls that may be repeated (with a key, an expected quantity or an expected state). Used by the
 * console. Imports nothing, so that it can be tested without a page.
 */

const WAITS_MS = [300, 1_000, 2_000, 3_000];
/** If the server is away for longer, the teacher decides. */
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
