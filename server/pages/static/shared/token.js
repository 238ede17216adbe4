// @ts-check
/**
 * The token a link brings along as `#token=…`: taken out of the address bar at once, so that it is
 * not shared with the address, and kept for this tab only.
 */

/** Storage may be forbidden (frames of other sites): the token then lives as long as the page. */
const inMemory = new Map();

/**
 * @param {string} place what the token is for, such as `student/algebra`
 * @returns {string} empty where no link has brought one
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
 * What a token says of its bearer. Unchecked: for words and storage only, the server decides the rest.
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
 * Opens our own checkout in a new tab with the token along, so that nobody leaves the class to pay.
 * Other addresses are left to the browser: no token goes there.
 * @param {Event} event the `use` event of `<classdrop-room>`
 * @param {string} token
 */
export function useInNewTab(event, token) {
  const { href } = /** @type {CustomEvent} */ (event).detail;
  const target = new URL(href);
  if (target.origin !== location.origin || target.pathname !== "/checkout") return;
  event.preventDefault();
  target.hash = `token=${encodeURIComponent(token)}`;
  window.open(target.href, "_blank", "noopener");
}
