// @ts-check
/**
 * The token that a link brings as `#token=…`. It is removed from the address bar at once, so that
 * nobody shares it with the address, and is stored for this tab only.
 */

/**
 * Storage may be forbidden (in frames of other sites): the token then lasts as long as the page.
 */
const inMemory = new Map();

/** The pages of a student beside the room. */
const OURS = ["/checkout", "/wallet"];

/**
 * @param {string} place what the token is for, such as `student/algebra`
 * @returns {string} empty if no link has brought one
 */
export function takeToken(place) {
  const name = `classdrop.token.${place}`;
  const brought = new URLSearchParams(location.hash.slice(1)).get("token");
  if (brought) {
    history.replaceState(history.state, "", location.pathname + location.search);
    keep(name, brought);
    return brought;
  }
  return kept(name);
}

/**
 * Return the claims in a token. They are not verified: use them for texts and storage only, the
 * server decides.
 * @param {string} token
 * @returns {{sub?: string, role?: string}}
 */
export function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}

/** @param {string} name @param {string} token */
function keep(name, token) {
  inMemory.set(name, token);
  try {
    sessionStorage.setItem(name, token);
  } catch {
    // See inMemory.
  }
}

/** @param {string} name */
function kept(name) {
  try {
    return sessionStorage.getItem(name) ?? inMemory.get(name) ?? "";
  } catch {
    return inMemory.get(name) ?? "";
  }
}

/**
 * Open our own checkout or wallet in a new tab with the token, so that nobody has to leave the class to pay.
 * Links to other sites are left to the browser and get no token.
 * @param {Event} event the `use` event of `<classdrop-room>`
 * @param {string} token
 */
export function useInNewTab(event, token) {
  const { href } = /** @type {CustomEvent} */ (event).detail;
  const target = new URL(href);
  if (target.origin !== location.origin || !OURS.includes(target.pathname)) return;
  event.preventDefault();
  target.hash = `token=${encodeURIComponent(token)}`;
  window.open(target.href, "_blank", "noopener");
}
