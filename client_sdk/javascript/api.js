// @ts-check
/**
 * Every HTTP call of the contract, one method each, and `makeToken` for the school's own back end.
 * Bodies and answers are the contract's JSON as it is (shapes.js): times are text. Nothing is
 * repeated behind the caller's back except once with a new token where the old one has expired: send
 * an `idempotencyKey` and repeat a creating call yourself. Twin of `python/api.py`.
 *
 * @module
 */

import { checkedRoom, httpUrl } from "./frames.js";

/**
 * @import {
 *   Account, Acts, Batch, BatchEdit, BatchForm, Batches, Campaign, CampaignForm, Campaigns,
 *   ClaimAnswer, CodeRun, CodeSource, Codes, CouponRecord, DropClaims, DropForm, DropReport,
 *   DropReports, OrderRecord, Payment, Quote, QuoteForm, Redemption, RedemptionForm, Refund,
 *   RefundForm, Role, Snapshot, Stop, StopForm, Template, TemplateForm, Templates,
 *   VoidedCodes, Wallet, WalletCoupon
 * } from "./shapes.js"
 */
/** @typedef {{limit?: number, after?: string}} Page */
/** @typedef {{idempotencyKey?: string}} Once */

const RETRYABLE = new Set(["unavailable", "rate_limited", "in_progress", "unreachable"]);
const DEADLINE_MS = 10_000;

/**
 * The server said no (`code` is one of the contract's), or could not be asked (`unreachable`).
 * `facts` is what the answer holds besides: `available`, `coupons`, `errors`, `reason` (of a token that is not good), …
 */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {number} status 0 where there was no answer
   * @param {Record<string, unknown>} [facts]
   * @param {number|null} [retryAfterMs]
   */
  constructor(code, status, facts = {}, retryAfterMs = null) {
    super(typeof facts.detail === "string" && facts.detail ? facts.detail : code);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.facts = facts;
    /** The same call may succeed later. */
    this.retryable = RETRYABLE.has(code) || status >= 500;
    this.retryAfterMs = retryAfterMs;
  }
}

export class Api {
  /**
   * @param {object} options
   * @param {string} options.url where Classdrop is
   * @param {() => string|Promise<string>} [options.getToken] not needed for `ready` and `openapi`
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
    this._asked = null;
  }

  /** A new token from `getToken`, kept for the calls that follow. Asked for once, whoever waits for it.
   * @returns {Promise<string>} */
  freshToken() {
    this._asked ??= this._askForToken().finally(() => {
      this._asked = null;
    });
    return this._asked;
  }

  async _askForToken() {
    try {
      this._token = await this._getToken();
    } catch (error) {
      // What a page's own callback throws is not ours to know: asked again later, like a server out of reach.
      throw error instanceof ApiError
        ? error
        : new ApiError("unreachable", 0, { detail: String(error) });
    }
    return this._token;
  }

  // Operators: what a coupon is worth, and how many go out.

  /** @param {TemplateForm} form @param {Once} [once]
   * @returns {Promise<Template>} */
  createTemplate(form, once) {
    return this._call("POST", "/v1/templates", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Templates>} */
  listTemplates(page) {
    return this._call("GET", "/v1/templates", { query: page });
  }

  /** @param {string} id @returns {Promise<Template>} */
  getTemplate(id) {
    return this._call("GET", path`/v1/templates/${id}`);
  }

  /** A new version; `wrong_state` where `version` is no longer the newest.
   * @param {string} id @param {number} version @param {TemplateForm} form
   * @returns {Promise<Template>} */
  replaceTemplate(id, version, form) {
    const headers = { "If-Match": String(version) };
    return this._call("PUT", path`/v1/templates/${id}`, { body: form, headers });
  }

  /** @param {BatchForm} form @param {Once} [once]
   * @returns {Promise<Batch>} */
  createBatch(form, once) {
    return this._call("POST", "/v1/batches", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Batches>} */
  listBatches(page) {
    return this._call("GET", "/v1/batches", { query: page });
  }

  /** @param {string} id @returns {Promise<Batch>} */
  getBatch(id) {
    return this._call("GET", path`/v1/batches/${id}`);
  }

  /** What is in `changes` is changed. `wrong_state` where `version` is no longer the newest.
   * @param {string} id @param {number} version @param {BatchEdit} changes
   * @returns {Promise<Batch>} */
  editBatch(id, version, changes) {
    const headers = { "If-Match": String(version) };
    return this._call("PATCH", path`/v1/batches/${id}`, { body: changes, headers });
  }

  /** Codes without a drop. Where `made` is less than `quantity`, the rest follows by itself.
   * @param {string} id @param {{quantity: number, source?: CodeSource}} body @param {Once} [once]
   * @returns {Promise<CodeRun>} */
  makeCodes(id, body, once) {
    return this._call("POST", path`/v1/batches/${id}/codes`, { body, ...once });
  }

  /** @param {string} id @param {Page} [page]
   * @returns {Promise<Codes>} */
  listCodes(id, page) {
    return this._call("GET", path`/v1/batches/${id}/codes`, { query: page });
  }

  /** @param {string} id @returns {Promise<string>} all of them as CSV, with a head */
  exportCodes(id) {
    return this._call("GET", path`/v1/batches/${id}/codes`, { query: { format: "csv" } });
  }

  /** Those that nobody has bound. At most 500 a call; repeatable.
   * @param {string} id @param {string[]} codes
   * @returns {Promise<VoidedCodes>} */
  voidCodes(id, codes) {
    return this._call("POST", path`/v1/batches/${id}/codes/void`, { body: { codes } });
  }

  /** @param {CampaignForm} form @param {Once} [once]
   * @returns {Promise<Campaign>} */
  createCampaign(form, once) {
    return this._call("POST", "/v1/campaigns", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Campaigns>} */
  listCampaigns(page) {
    return this._call("GET", "/v1/campaigns", { query: page });
  }

  /** @param {string} id @returns {Promise<Campaign>} */
  getCampaign(id) {
    return this._call("GET", path`/v1/campaigns/${id}`);
  }

  // Operators: the switch that stops claims, use or both, everywhere within a second.

  /** Orders that are locked are paid all the same.
   * @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  stopCampaign(id, form) {
    return this._call("POST", path`/v1/campaigns/${id}/stop`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  resumeCampaign(id, form) {
    return this._call("POST", path`/v1/campaigns/${id}/resume`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  stopBatch(id, form) {
    return this._call("POST", path`/v1/batches/${id}/stop`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  resumeBatch(id, form) {
    return this._call("POST", path`/v1/batches/${id}/resume`, { body: form });
  }

  /** @param {StopForm} form @returns {Promise<Stop>} */
  stopEverything(form) {
    return this._call("POST", "/v1/stop", { body: form });
  }

  /** @param {StopForm} form @returns {Promise<Stop>} */
  resumeEverything(form) {
    return this._call("POST", "/v1/resume", { body: form });
  }

  /** Whether everything is stopped. @returns {Promise<Stop>} */
  getStop() {
    return this._call("GET", "/v1/stop");
  }

  // Instructors of a room.

  /** @param {string} room @param {DropForm} form @param {Once} [once]
   * @returns {Promise<DropReport>} */
  createDrop(room, form, once) {
    return this._call("POST", path`/v1/rooms/${room}/drops`, { body: form, ...once });
  }

  /** @param {string} room @param {Page} [page]
   * @returns {Promise<DropReports>} */
  listDrops(room, page) {
    return this._call("GET", path`/v1/rooms/${room}/drops`, { query: page });
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  getDrop(room, id) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}`);
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  openDrop(room, id) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/open`);
  }

  /** @param {string} room @param {string} id @returns {Promise<DropReport>} */
  closeDrop(room, id) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/close`);
  }

  /** `expected_quantity` is what the instructor saw: pressing twice adds once.
   * @param {string} room @param {string} id @param {{add: number, expected_quantity: number}} body
   * @returns {Promise<DropReport>} */
  topUpDrop(room, id, body) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/top-up`, { body });
  }

  /** @param {string} room @param {string} id @param {{seconds: number, expected_closes_at: string}} body
   * @returns {Promise<DropReport>} */
  extendDrop(room, id, body) {
    return this._call("POST", path`/v1/rooms/${room}/drops/${id}/extend`, { body });
  }

  /** @param {string} room @param {string} id @param {Page & {student?: string}} [query]
   * @returns {Promise<DropClaims>} */
  dropClaims(room, id, query) {
    return this._call("GET", path`/v1/rooms/${room}/drops/${id}/claims`, { query });
  }

  // Students.

  /** @param {string} room @returns {Promise<Snapshot>} */
  snapshot(room) {
    return this._call("GET", path`/v1/rooms/${room}/snapshot`);
  }

  /** Any outcome is an answer here, not an error. `RoomClient.claim` does this when it has to.
   * @param {string} dropId @param {string} requestId
   * @returns {Promise<ClaimAnswer>} */
  claim(dropId, requestId) {
    return this._call("POST", path`/v1/drops/${dropId}/claims`, {
      body: { request_id: requestId },
    });
  }

  /** @param {Page & {state?: string}} [query] @returns {Promise<Wallet>} */
  myCoupons(query) {
    return this._call("GET", "/v1/me/coupons", { query });
  }

  /** A code as it was typed, into my wallet. Repeatable; `not_found` for every code that is not mine to
   * have. @param {string} code @returns {Promise<WalletCoupon>} */
  bindCoupon(code) {
    return this._call("POST", "/v1/me/coupons", { body: { code } });
  }

  // Students and the school's back end: what an order costs, and paying for it.

  /** @param {QuoteForm} form @returns {Promise<Quote>} */
  quote(form) {
    return this._call("POST", "/v1/quotes", { body: form });
  }

  /** Repeatable by `order_id`: while locked, the lock is replaced under the same id.
   * @param {RedemptionForm} form
   * @returns {Promise<Redemption>} */
  lockRedemption(form) {
    return this._call("POST", "/v1/redemptions", { body: form });
  }

  /** @param {string} id @returns {Promise<Redemption>} */
  getRedemption(id) {
    return this._call("GET", path`/v1/redemptions/${id}`);
  }

  /** @param {string} orderId @returns {Promise<Redemption>} */
  findRedemption(orderId) {
    return this._call("GET", "/v1/redemptions", { query: { order_id: orderId } });
  }

  /** Repeatable. `paid`: the sum, `expected_version`: of the lock that was paid for; one of the two is needed
   * where the order's lock was replaced. Another one: `total_changed`.
   * @param {string} id @param {Payment} [body]
   * @returns {Promise<Redemption>} */
  confirmRedemption(id, body = {}) {
    return this._call("POST", path`/v1/redemptions/${id}/confirm`, { body });
  }

  /** Repeatable. @param {string} id @returns {Promise<Redemption>} */
  cancelRedemption(id) {
    return this._call("POST", path`/v1/redemptions/${id}/cancel`);
  }

  /** From rebates. @param {Page} [page] @returns {Promise<Account>} */
  myBalance(page) {
    return this._call("GET", "/v1/me/balance", { query: page });
  }

  // Operators and finance.

  /** List price, coupons, shares, payment, refunds and all times.
   * @param {string} orderId @returns {Promise<OrderRecord>} */
  getOrder(orderId) {
    return this._call("GET", path`/v1/orders/${orderId}`);
  }

  /** With its whole history, whoever it belongs to.
   * @param {string} code @returns {Promise<CouponRecord>} */
  getCoupon(code) {
    return this._call("GET", path`/v1/coupons/${code}`);
  }

  /** Who did what; of one person, or to the thing of one id.
   * @param {{actor?: string, subject?: string, limit?: number, after?: string}} [query]
   * @returns {Promise<Acts>} */
  listActs(query) {
    return this._call("GET", "/v1/acts", { query });
  }

  /** Repeatable by `refund_id`. Without `lines` all that is left of the order; none is refused. With
   * `preview` it is only said what the refund would come to.
   * @param {string} orderId @param {RefundForm} form
   * @returns {Promise<Refund>} */
  refund(orderId, form) {
    return this._call("POST", path`/v1/orders/${orderId}/refunds`, { body: form });
  }

  // Anyone.

  /** The process runs. */
  live() {
    return this._call("GET", "/livez");
  }

  /** It can serve; `unavailable` where it cannot. */
  ready() {
    return this._call("GET", "/readyz");
  }

  /** @returns {Promise<string>} Prometheus text */
  metrics() {
    return this._call("GET", "/metrics");
  }

  /** @returns {Promise<Record<string, unknown>>} */
  openapi() {
    return this._call("GET", "/openapi.json");
  }

  /** @param {string} method @param {string} target @param {CallOptions} [options] @returns {Promise<any>} */
  async _call(method, target, options = {}) {
    const used = this._token ?? (await this.freshToken());
    try {
      return await this._ask(method, target, options, used);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "token_expired") throw error;
      // Another call may have fetched a new one meanwhile.
      const fresh = this._token === used ? await this.freshToken() : (this._token ?? "");
      return this._ask(method, target, options, fresh);
    }
  }

  /** @param {string} method @param {string} target @param {CallOptions} options @param {string} token */
  async _ask(method, target, { body, query, headers, idempotencyKey }, token) {
    /** @type {Record<string, string>} */
    const sent = { Accept: "application/json", ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    if (idempotencyKey) sent["Idempotency-Key"] = idempotencyKey;
    if (body) sent["Content-Type"] = "application/json";
    // AbortSignal.timeout is not in every browser that can take part.
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new DOMException("no answer in time", "TimeoutError")),
      this._deadlineMs,
    );
    const asked = this._fetch(this._url + target + queryText(query), {
      method,
      headers: sent,
      body: body && JSON.stringify(body),
      signal: deadline.signal,
    });
    const [response, text] = await whole(asked).finally(() => clearTimeout(timer));
    return readAnswer(response, text);
  }
}

/** @typedef {{body?: object, query?: object, headers?: Record<string, string>, idempotencyKey?: string}} CallOptions */

/** Names in a path are escaped. @param {TemplateStringsArray} parts @param {...string} names */
function path(parts, ...names) {
  return parts.reduce((text, part, i) => text + encodeURIComponent(names[i - 1]) + part);
}

/** @param {object} [query] */
function queryText(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Only what becomes of the request itself is the network's: a fault of ours is not told as one.
 * @param {Promise<Response>} asked @returns {Promise<[Response, string]>} */
async function whole(asked) {
  try {
    const response = await asked;
    return [response, await response.text()];
  } catch (error) {
    throw new ApiError("unreachable", 0, { detail: String(error) });
  }
}

/** @param {Response} response @param {string} text @returns {any} */
function readAnswer(response, text) {
  const isJson = /[/+]json/.test(response.headers.get("Content-Type") ?? "");
  const answer = isJson && text ? parse(text) : text;
  if (response.ok) return answer;
  const { code, ...facts } =
    typeof answer === "object" && answer ? answer : { detail: text.slice(0, 200) };
  const wait = Number(response.headers.get("Retry-After") ?? NaN);
  throw new ApiError(
    typeof code === "string" ? code : codeOf(response.status),
    response.status,
    facts,
    Number.isFinite(wait) ? wait * 1000 : null,
  );
}

/** A proxy's page may call itself JSON. @param {string} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Where something between us and the server answered in its place. @param {number} status */
function codeOf(status) {
  if (status === 429) return "rate_limited";
  if (status === 413) return "too_large";
  return status >= 500 ? "unavailable" : "unknown";
}

/**
 * A token as the school's back end makes it: HS256 JWT. For servers only: whoever has the secret is
 * everybody. RangeError for a room that cannot be reached.
 *
 * @param {string} secret
 * @param {object} who
 * @param {string} who.sub student, instructor, … id: `[A-Za-z0-9_.:-]{1,64}`
 * @param {Role} who.role
 * @param {string[]} [who.rooms]
 * @param {string[]} [who.tags]
 * @param {number} [who.ttlSeconds] default 4 hours
 * @param {string} [who.name]
 * @param {string} [who.device]
 * @param {string} [who.person]
 * @param {boolean} [who.isNew]
 * @param {number} [now] ms
 * @returns {Promise<string>}
 */
export async function makeToken(secret, who, now = Date.now()) {
  const { rooms = [], tags = [], ttlSeconds = 4 * 3600, isNew, ...rest } = who;
  const iat = Math.floor(now / 1000);
  rooms.forEach(checkedRoom);
  const claims = { aud: "classdrop", ...rest, rooms, tags, iat, exp: iat + ttlSeconds };
  const payload = { ...claims, jti: crypto.randomUUID(), ...(isNew && { new: true }) };
  const head = `${base64Url({ alg: "HS256", typ: "JWT" })}.${base64Url(payload)}`;
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), algorithm, false, [
    "sign",
  ]);
  const signature = await crypto.subtle.sign("HMAC", key, bytes.encode(head));
  return `${head}.${base64Url(new Uint8Array(signature))}`;
}

/** @param {object|Uint8Array} value */
function base64Url(value) {
  const bytes =
    value instanceof Uint8Array ? value : new TextEncoder().encode(JSON.stringify(value));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
