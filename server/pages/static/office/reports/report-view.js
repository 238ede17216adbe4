// @ts-check
/** What the address of the office's reports asks for, and which rows are behind a figure. Pure. */

import { money } from "/sdk/element/value.js";
import { addressOf } from "../shared/address.js";
import { dayOf } from "../shared/school-time.js";

/** @import { ReportBy, ReportDefinition, ReportKind, ReportRow } from "/sdk/shapes.js" */

/**
 * `figure`: the one that the chart shows.
 *
 * @typedef {object} Asked
 * @property {ReportKind} report
 * @property {ReportBy} by
 * @property {"gross"|"net"} part
 * @property {string} from
 * @property {string} to
 * @property {string} figure
 */

const DAY_MS = 86_400_000;
export const REPORTS = /** @type {const} */ (["coupons", "orders", "courses"]);
export const DIVISIONS = /** @type {const} */ ([
  "day",
  "hour",
  "batch",
  "channel",
  "room",
  "instructor",
  "campaign",
  "phase",
]);
/** The figures that lie open; the others are one press away. @type {Record<ReportKind, readonly string[]>} */
export const MAIN = {
  coupons: ["issued", "reached", "claimed", "claim_rate", "used", "use_rate", "gmv", "cost"],
  orders: ["orders", "paid", "average", "average_without", "repurchase_30", "repurchase_90"],
  courses: ["orders", "pieces", "paid", "discount"],
};
// What is behind these is a list of orders.
const OF_ORDERS = new Set(["used", "gmv", "cost", "orders", "paid", "average", "use_rate"]);
const WITHOUT_ROWS = /^(reached|exposure|.*_without|followed_.*|repurchase_.*)$/;

/** @param {Record<string, string>} filters @param {number} now ms @returns {Asked} what is not known has its default */
export function askedOf(filters, now) {
  const report = REPORTS.find((name) => name === filters.report) ?? "coupons";
  return {
    report,
    by: DIVISIONS.find((name) => name === filters.by) ?? "day",
    part: filters.part === "gross" ? "gross" : "net",
    from: filters.from || dayOf(now - 29 * DAY_MS),
    to: filters.to || dayOf(now),
    figure: filters.figure || MAIN[report][report === "coupons" ? 2 : 0],
  };
}

/**
 * Return the address of the rows that a figure counts; null where no list has them. `key`: of the report's row,
 * null for all of the days.
 *
 * @param {Asked} asked @param {string} figure @param {string|null} key
 */
export function rowsAddress({ report, by, from, to }, figure, key) {
  if (WITHOUT_ROWS.test(figure) || (report === "courses" && key !== null && by !== "day"))
    return null;
  const isOrders = report !== "coupons" || OF_ORDERS.has(figure);
  const found = key === null ? { from, to } : within(by, key, { from, to }, isOrders);
  if (!found) return null;
  const source = figure.startsWith("issued_") ? figure.slice("issued_".length) : "";
  const id = isOrders ? "orders" : "coupons";
  return addressOf({ page: "reports", id, filters: { ...found, source } });
}

/** @param {ReportBy} by @param {string} key @param {{from: string, to: string}} days @param {boolean} isOrders */
function within(by, key, days, isOrders) {
  if (by === "day" || by === "hour") return { from: key.slice(0, 10), to: key.slice(0, 10) };
  if (by === "batch") return { ...days, batch_id: key };
  return by === "campaign" && !isOrders ? { ...days, campaign_id: key } : null;
}

/** @param {ReportDefinition["unit"]} unit @param {number|null|undefined} value @param {string} currency @param {"zh"|"en"} language */
export function figureText(unit, value, currency, language) {
  if (value === null || value === undefined) return "–";
  if (unit === "ratio") return `${Math.round(value * 1000) / 10} %`;
  return unit === "money"
    ? money(value, currency, language)
    : new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en").format(value);
}

/**
 * Return what the chart of a figure shows: a series for each currency over days, else one over the greatest rows.
 *
 * @param {readonly ReportRow[]} rows newest first @param {Asked} asked
 */
export function chartOf(rows, { by, part, figure }) {
  const valueOf = (/** @type {ReportRow|undefined} */ row) => row?.figures[figure]?.[part] ?? null;
  if (by === "day" || by === "hour") {
    const names = [...new Set(rows.map(({ key }) => key))].reverse();
    const currencies = [...new Set(rows.map(({ currency }) => currency))];
    const series = currencies.map((currency) => ({
      name: currency,
      values: names.map((name) =>
        valueOf(rows.find((row) => row.key === name && row.currency === currency)),
      ),
    }));
    return { kind: /** @type {const} */ ("series"), names, series };
  }
  const greatest = [...rows].sort((a, b) => Number(valueOf(b)) - Number(valueOf(a))).slice(0, 20);
  const names = greatest.map(({ key, currency }) => `${key} ${currency}`);
  const values = greatest.map(valueOf);
  return { kind: /** @type {const} */ ("bars"), names, series: [{ name: figure, values }] };
}
