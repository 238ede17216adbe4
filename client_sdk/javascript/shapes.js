// @ts-check
/**
 * The shapes of what goes over HTTP and the socket: types only, one module for each subject. No code
 * loads this file at run time.
 *
 * Names and units are those of `PROTOCOL.md`: times are RFC 3339 text, money is an integer of minor
 * units. A later server may send more fields than are listed. A name that ends in `Form` or `Edit` is
 * a request body. `tests/contract/test_shapes.py` compares the shapes with those of
 * `python/shapes/`, and these with the server's OpenAPI document.
 *
 * @module
 */

export * from "./shapes/alerts.js";
export * from "./shapes/consistency.js";
export * from "./shapes/templates.js";
export * from "./shapes/batches.js";
export * from "./shapes/campaigns.js";
export * from "./shapes/reports.js";
export * from "./shapes/experiments.js";
export * from "./shapes/statements.js";
export * from "./shapes/stops.js";
export * from "./shapes/codes.js";
export * from "./shapes/issuances.js";
export * from "./shapes/drops.js";
export * from "./shapes/coupons.js";
export * from "./shapes/claims.js";
export * from "./shapes/draws.js";
export * from "./shapes/jobs.js";
export * from "./shapes/messages.js";
export * from "./shapes/records.js";
export * from "./shapes/running_order.js";
export * from "./shapes/quotes.js";
export * from "./shapes/redemptions.js";
export * from "./shapes/balances.js";
export * from "./shapes/acts.js";
export * from "./shapes/events.js";
export * from "./shapes/webhooks.js";
export * from "./shapes/access.js";
export * from "./shapes/room.js";
export * from "./shapes/effects.js";
export * from "./shapes/students.js";
export * from "./shapes/approvals.js";
export * from "./shapes/audiences.js";
export * from "./shapes/imports.js";
export * from "./shapes/triggers.js";
export * from "./shapes/tasks.js";
export * from "./shapes/packs.js";
export * from "./shapes/price_rules.js";
export * from "./shapes/links.js";
export * from "./shapes/receipts.js";
export * from "./shapes/lotteries.js";
export * from "./shapes/offers.js";
export * from "./shapes/office.js";
export * from "./shapes/tokens.js";
