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

export * from "./shapes/templates.js";
export * from "./shapes/batches.js";
export * from "./shapes/campaigns.js";
export * from "./shapes/stops.js";
export * from "./shapes/codes.js";
export * from "./shapes/drops.js";
export * from "./shapes/coupons.js";
export * from "./shapes/claims.js";
export * from "./shapes/quotes.js";
export * from "./shapes/redemptions.js";
export * from "./shapes/balances.js";
export * from "./shapes/acts.js";
export * from "./shapes/room.js";
export * from "./shapes/effects.js";
export * from "./shapes/tokens.js";
