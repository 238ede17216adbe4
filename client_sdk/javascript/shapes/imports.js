// @ts-check
/**
 * Files of students: what was found in them. Twin of `python/shapes/imports.py`.
 *
 * @module
 */

/** @typedef {"csv"|"xlsx"} ImportFormat */

/** @typedef {"student"|"note"} ImportColumn */

/**
 * @typedef {"duplicate"|"missing"|"bad_format"|"too_long"|"scientific_number"|"lost_digits"
 *   |"is_fraction"|"is_date"|"is_boolean"|"bad_character"|"bidi_control"|"invisible"} RowFault
 */

/**
 * `row` counts as a spreadsheet does, from 1, the header included.
 *
 * @typedef {object} BadRow
 * @property {number} row
 * @property {ImportColumn} column
 * @property {RowFault} code
 */

/**
 * `first_row` has the same student, and counts.
 *
 * @typedef {object} DuplicateRow
 * @property {number} row
 * @property {number} first_row
 * @property {string} student
 */

/**
 * A good row.
 *
 * @typedef {object} SampleRow
 * @property {number} row
 * @property {string} student
 * @property {string} [note]
 */

/**
 * `rows` = `good` + `duplicates` + `bad_total`. `encoding` and `delimiter` are null for XLSX.
 *
 * @typedef {object} ImportSummary
 * @property {string} id
 * @property {ImportFormat} format
 * @property {string|null} encoding
 * @property {string|null} delimiter
 * @property {number} rows
 * @property {number} good
 * @property {number} duplicates
 * @property {number} bad_total
 * @property {number} blank
 * @property {number} mended
 * @property {string[]} ignored_columns
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} expires_at
 */

/**
 * An import with the first 100 bad rows, the first 100 duplicates, and the first 20 good rows.
 *
 * @typedef {object} Import
 * @property {string} id
 * @property {ImportFormat} format
 * @property {string|null} encoding
 * @property {string|null} delimiter
 * @property {number} rows
 * @property {number} good
 * @property {number} duplicates
 * @property {number} bad_total
 * @property {number} blank
 * @property {number} mended
 * @property {string[]} ignored_columns
 * @property {string} created_by
 * @property {string} created_at
 * @property {string} expires_at
 * @property {BadRow[]} bad
 * @property {DuplicateRow[]} duplicate_rows
 * @property {SampleRow[]} sample
 */

/**
 * A page of imports, newest first. `next` is null on the last page.
 *
 * @typedef {object} Imports
 * @property {ImportSummary[]} imports
 * @property {string|null} next
 */

export {};
