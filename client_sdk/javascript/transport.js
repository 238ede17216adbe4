// @ts-check
/**
 * The HTTP of the SDK: sending a call with a token, reading its reply, and `ApiError`. `api.js` builds
 * its calls on it. Must not know a call. Twin of `python/transport.py`.
 *
 * @module
 */

import { httpUrl } from "./frames.js";

const RETRYABLE = new Set(["unavailable", "rate_limited", "in_progress", "unreachable"]);
const DEADLINE_MS = 10_000;

/**
 * A call failed: the server refused it, or no reply came. `code` is one of PROTOCOL.md, or `unreachable`
 * where no reply came. `facts` are the other fields of the reply: `available`, `coupons`, `errors`,
 * `reason` (of a token), ….
 */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {number} status 0 where no reply came
   * @param {Record<string, unknown>} [facts]
   * @param {number|null} [retryAfterMs]
   */
  constructor(code, status, facts = {}, retryAfterMs = null) {
    super(typeof facts.detail === "string" && facts.detail ? facts.detail : code);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.facts = facts;
    /** True where the same call may succeed later. */
    this.retryable = RETRYABLE.has(code) || status >= 500;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The sender of one person's calls. It keeps the token until the server calls it expired. */
export class HttpCalls {
  /**
   * @param {object} options
   * @param {string} options.url the address of Classdrop
   * @param {() => string|Promise<string>} [options.getToken] not needed for `live`, `ready` and `openapi`
   * @param {typeof globalThis.fetch} [options.fetch]
   * @param {number} [options.deadlineMs] for each call
   */
  constructor({ url, getToken = () => "", fetch, deadlineMs = DEADLINE_MS }) {
    this._url = httpUrl(url);
    this._getToken = getToken;
    this._fetch = fetch ?? globalThis.fetch.bind(globalThis);
    this._deadlineMs = deadlineMs;
    /** @type {string|null} */
    this._token = null;
    /** @type {Promise<string>|null} */
    this._tokenRequest = null;
  }

  /** Return a new token of `getToken`, and keep it for the calls that follow. Calls at the same time share
   * one token. @returns {Promise<string>} */
  freshToken() {
    this._tokenRequest ??= this._fetchToken().finally(() => {
      this._tokenRequest = null;
    });
    return this._tokenRequest;
  }

  async _fetchToken() {
    try {
      this._token = await this._getToken();
    } catch (error) {
      this._token = null; // the next call asks again, and does not send a token that was refused
      // Whatever the page's own callback throws counts as a server out of reach: it is called again later.
      throw error instanceof ApiError
        ? error
        : new ApiError("unreachable", 0, { detail: String(error) });
    }
    return this._token;
  }

  /** @param {string} method @param {string} target @param {CallOptions} [options] @returns {Promise<any>} */
  async _call(method, target, options = {}) {
    const used = this._token ?? (await this.freshToken());
    try {
      return await this._send(method, target, options, used);
    } catch (error) {
      if (!(error instanceof ApiError) || !asksForAnotherToken(error)) throw error;
      // Another call may have fetched a new token meanwhile.
      const isNew = this._token !== null && this._token !== used;
      const fresh = isNew ? this._token : await this.freshToken();
      return this._send(method, target, options, fresh ?? "");
    }
  }

  /** @param {string} method @param {string} target @param {CallOptions} options @param {string} token */
  async _send(method, target, { body, file, query, headers, idempotencyKey, waitMs = 0 }, token) {
    /** @type {Record<string, string>} */
    const sent = { Accept: "application/json", ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    if (idempotencyKey) sent["Idempotency-Key"] = idempotencyKey;
    if (body) sent["Content-Type"] = "application/json";
    // Some of the browsers that Classdrop supports lack AbortSignal.timeout.
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new DOMException("no reply in time", "TimeoutError")),
      this._deadlineMs + waitMs,
    );
    const reply = this._fetch(this._url + target + queryText(query), {
      method,
      headers: sent,
      body: body ? JSON.stringify(body) : file,
      signal: deadline.signal,
    });
    const [response, text] = await whole(reply).finally(() => clearTimeout(timer));
    return typeof text === "string" ? readReply(response, text) : text;
  }
}

/** `file`: a body that is not JSON. `waitMs`: how long the server may wait on purpose.
 * @typedef {{body?: object, file?: BodyInit, query?: object, headers?: Record<string, string>, idempotencyKey?: string, waitMs?: number}} CallOptions */

/** @param {object} [query] */
function queryText(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Wait for a response with its text, or with its bytes where it is a file. Only this step reports `unreachable`, so that a fault of the SDK
 * does not look like one of the network. @param {Promise<Response>} reply @returns {Promise<[Response, string|Blob]>} */
async function whole(reply) {
  try {
    const response = await reply;
    const kind = response.headers.get("Content-Type") ?? "";
    const isFile = response.ok && /zip|spreadsheet/.test(kind);
    return [response, isFile ? await response.blob() : await response.text()];
  } catch (error) {
    throw new ApiError("unreachable", 0, { detail: String(error) });
  }
}

/** @param {Response} response @param {string} text @returns {any} */
function readReply(response, text) {
  const isJson = /[/+]json/.test(response.headers.get("Content-Type") ?? "");
  const reply = isJson && text ? parse(text) : text;
  if (response.ok) return reply;
  const { code, ...facts } =
    typeof reply === "object" && reply ? reply : { detail: text.slice(0, 200) };
  const wait = Number(response.headers.get("Retry-After") ?? NaN);
  throw new ApiError(
    typeof code === "string" ? code : codeFor(response.status),
    response.status,
    facts,
    Number.isFinite(wait) ? wait * 1000 : null,
  );
}

/** Return whether the token was good once: it has expired, or was revoked. @param {ApiError} error */
function asksForAnotherToken(error) {
  const isRevoked = error.code === "token_invalid" && error.facts.reason === "revoked";
  return isRevoked || error.code === "token_expired";
}

/** Parse JSON; the error page of a proxy may be labelled as JSON, and is returned as text. @param {string} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Return the code for a reply without one: a proxy sent it, not the server. @param {number} status */
function codeFor(status) {
  if (status === 429) return "rate_limited";
  if (status === 413) return "too_large";
  return status >= 500 ? "unavailable" : "unknown";
}

/** Return a path with its names escaped. @param {TemplateStringsArray} parts @param {...string} names */
export function path(parts, ...names) {
  return parts.reduce((text, part, i) => text + encodeURIComponent(names[i - 1]) + part);
}

/** Return an id for a request that may be sent again: 128 random bits. @returns {string} */
export function newRequestId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
