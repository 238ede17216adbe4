// @ts-check
/**
 * The address of a view of the office, `#/campaigns/01J…?state=active`, so that it can be sent to a colleague.
 * Pure. The fragment never reaches a server or its logs.
 */

/** @import { OfficeView } from "./host.js" */

/** @param {string} hash with or without `#` @returns {OfficeView} */
export function viewOf(hash) {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [page = "", ...id] = path.split("/").map(decoded);
  return { page, id: id.join("/"), filters: Object.fromEntries(new URLSearchParams(query)) };
}

/** Return the fragment; filters that are empty are left out. @param {Partial<OfficeView>} view */
export function addressOf({ page = "", id = "", filters = {} }) {
  const given = Object.entries(filters).filter(([, value]) => value !== "");
  const query = given.length ? `?${new URLSearchParams(given)}` : "";
  const end = id ? `/${encodeURIComponent(id)}` : "";
  return `#/${encodeURIComponent(page)}${end}${query}`;
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray percent sign
  }
}
