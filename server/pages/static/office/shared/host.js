// @ts-check
/** The types that the shell gives to the office's pages. */

/** @import { OfficeApi } from "/sdk/office_api.js" */
/** @import { Language } from "../../shared/language.js" */

/**
 * @typedef {object} OfficeView
 * @property {string} page
 * @property {string} id empty: the page's list
 * @property {Record<string, string>} filters
 */

/**
 * @typedef {object} Host
 * @property {OfficeApi} api
 * @property {Language} language
 * @property {string} role
 * @property {boolean} mayWrite false for finance: show no button that changes something
 * @property {(view: Partial<OfficeView>) => void} go opens another page, or this one with other filters
 * @property {() => void} refresh opens the page again, after a change
 */

export {};
