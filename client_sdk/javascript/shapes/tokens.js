// @ts-check
/**
 * Tokens: who somebody is. Twin of `python/shapes/tokens.py`.
 *
 * @module
 */

/** @typedef {"student"|"instructor"|"operator"|"finance"|"service"|"screen"|"support"} Role */

export {};
