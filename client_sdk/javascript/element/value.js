// @ts-check
/**
 * Texts for what a coupon is worth, when it is valid and what it is for.
 *
 * The coupon card and the pages call it. Pure: language, time and money are arguments. Must not know the
 * socket.
 */

import { say } from "./words.js";

/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("../shapes.js").Discount} Discount */
/** @typedef {import("../shapes.js").DropScope} Scope */
/** @typedef {import("../shapes.js").Threshold} Threshold */
/** @typedef {{kind: string, from?: string, until?: string, seconds?: number}} Validity */

/** The browser knows the currencies whose minor unit is not a hundredth; they are not listed here. */
const digitsOf = new Map();

/** Return whether `Intl` accepts the text as a currency; it throws for others. @param {unknown} currency */
const isCurrency = (currency) => typeof currency === "string" && /^[A-Za-z]{3}$/.test(currency);

/**
 * @param {string} currency
 * @returns {number} digits after the point
 */
export function minorDigits(currency) {
  if (!digitsOf.has(currency)) {
    digitsOf.set(
      currency,
      isCurrency(currency)
        ? new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions()
            .maximumFractionDigits
        : 2,
    );
  }
  return digitsOf.get(currency);
}

/**
 * "¥10", "¥4.55". Whole amounts have no zeros unless `exact` is set.
 * @param {number} minor
 * @param {string} currency
 * @param {Language} language
 * @param {boolean} [exact] always with all digits, for columns of figures
 */
export function money(minor, currency, language, exact = false) {
  const digits = minorDigits(currency);
  const whole = minor % 10 ** digits === 0;
  if (!isCurrency(currency))
    return `${(minor / 10 ** digits).toFixed(whole && !exact ? 0 : digits)} ${currency ?? ""}`.trim();
  return new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en", {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: whole && !exact ? 0 : digits,
    maximumFractionDigits: digits,
  }).format(minor / 10 ** digits);
}

/**
 * The card's large value in parts, so that the sign and the word can be smaller.
 * @param {Discount} discount
 * @param {string} currency
 * @param {Language} language
 * @returns {{before: string, figure: string, after: string}}
 */
export function bigValue(discount, currency, language) {
  if (discount.kind === "percent_off") return bigPercent(discount.percent ?? 0, language);
  if (discount.kind === "items_free") return bigPieces(discount, language);
  if (discount.kind === "gift") return bigGift(discount, language);
  if (discount.kind === "rebate") return bigRebate(discount.credit, currency, language);
  const text = money(discount.amount ?? 0, currency, language);
  const [, before, figure] = /^(\D*)(.*)$/s.exec(text) ?? ["", "", text];
  return { before, figure, after: language === "en" ? say(language, "off") : "" };
}

/**
 * The width of the large value, in digits. The sign and the word beside it count half, because they are half as
 * large; Chinese characters are nearly twice as wide.
 * @param {{before: string, figure: string, after: string}} value
 */
export function wideness({ before, figure, after }) {
  const digits = (/** @type {string} */ text) =>
    [...text].reduce((sum, char) => sum + (char > "\u2e7f" ? 1.7 : 1), 0);
  return Math.max(1, digits(figure) + (digits(before) + digits(after)) / 2 + 0.2);
}

/**
 * Chinese names what is left to pay (8折), English what is taken off (20% off).
 * @param {number} percent
 * @param {Language} language
 */
function bigPercent(percent, language) {
  if (percent >= 100) return { before: "", figure: say(language, "free"), after: "" };
  if (language === "en") return { before: "", figure: `${percent}%`, after: say(language, "off") };
  return { before: "", figure: String((100 - percent) / 10), after: "折" };
}

/**
 * "满3件免1件", "1 of 3 free".
 * @param {Discount} discount
 * @param {Language} language
 */
function bigPieces({ from_items: from = 0, free_items: free = 0 }, language) {
  const [before, figure, after] = ["items_free_before", "items_free", "items_free_after"].map(
    (key) => say(language, key, { from, free }),
  );
  return { before, figure, after };
}

/**
 * "赠 教材", "Free: a book".
 * @param {Discount} discount
 * @param {Language} language
 */
function bigGift({ name, course = "", quantity: n = 1 }, language) {
  const what = name || course;
  const figure = n > 1 ? say(language, "pieces_of", { name: what, n }) : what;
  return { before: say(language, "gift_before"), figure, after: "" };
}

/**
 * "返¥10", "10% back". What is credited is never written as 9折.
 * @param {Discount|undefined} credit
 * @param {string} currency
 * @param {Language} language
 */
function bigRebate(credit, currency, language) {
  const figure =
    credit?.kind === "percent_off"
      ? `${credit.percent}%`
      : money(credit?.amount ?? 0, currency, language);
  return { before: say(language, "rebate_before"), figure, after: say(language, "rebate_after") };
}

/**
 * The same in one string: "¥10 off", "8折".
 * @param {Discount} discount
 * @param {string} currency
 * @param {Language} language
 */
export function shortValue(discount, currency, language) {
  const { before, figure, after } = bigValue(discount, currency, language);
  const gap = language === "en" && after ? " " : "";
  return `${before}${figure}${gap}${after}`;
}

/**
 * "满100可用", "无门槛", with what it comes off, the cap of a percentage and when a rebate comes.
 * @param {Discount} discount
 * @param {Threshold|undefined} threshold
 * @param {string} currency
 * @param {Language} language
 * @param {readonly string[]} [deducts] absent: goods alone
 * @returns {string[]}
 */
export function conditions(discount, threshold, currency, language, deducts = []) {
  const found = thresholds(discount, threshold, currency, language);
  if (deducts.length > 0 && deducts.join() !== "goods") {
    found.push(...deducts.map((kind) => say(language, `deducts_${kind}`)));
  }
  const most = (discount.kind === "rebate" ? discount.credit : discount)?.max_amount;
  if (most)
    found.push(
      say(language, discount.kind === "rebate" ? "cap_back" : "cap", {
        amount: money(most, currency, language),
      }),
    );
  if (discount.of === "lines") found.push(say(language, "per_line"));
  if (discount.kind === "rebate") found.push(creditedText(discount, language));
  return found;
}

/**
 * @param {Discount} discount
 * @param {Threshold|undefined} threshold
 * @param {string} currency
 * @param {Language} language
 */
function thresholds(discount, threshold, currency, language) {
  const { min_amount: least = 0, min_quantity: pieces = 0 } = threshold ?? {};
  const found = [];
  if (least > 0)
    found.push(say(language, "threshold", { amount: plainAmount(least, currency, language) }));
  if (pieces > 0) found.push(say(language, "threshold_pieces", { n: pieces }));
  if (found.length === 0 && discount.kind !== "items_free")
    found.push(say(language, "no_threshold"));
  return found;
}

/**
 * @param {Discount} discount
 * @param {Language} language
 */
function creditedText({ after, return_window_days: n = 0 }, language) {
  return after === "return_window"
    ? say(language, "credited_later", { n })
    : say(language, "credited_on_payment");
}

/**
 * Chinese writes 满100, without the sign, for yuan.
 * @param {number} minor
 * @param {string} currency
 * @param {Language} language
 */
function plainAmount(minor, currency, language) {
  const text = money(minor, currency, language);
  return language === "zh" && currency === "CNY" ? text.replace(/^\D+/, "") : text;
}

/**
 * The courses that it is for, and those that it is not for.
 * @param {Partial<Scope>|undefined} scope
 * @param {Language} language
 */
export function scopeText(scope, language) {
  const excepted = (scope?.except_courses ?? []).length + (scope?.except_packages ?? []).length > 0;
  return [
    courses(scope, language),
    excepted ? say(language, "except_some") : "",
    scope?.sale_prices === false ? say(language, "not_on_sale") : "",
  ]
    .filter(Boolean)
    .join(language === "zh" ? "，" : ", ");
}

/**
 * @param {Partial<Scope>|undefined} scope
 * @param {Language} language
 */
function courses(scope, language) {
  const names = [...(scope?.courses ?? []), ...(scope?.packages ?? [])];
  if (names.length === 0) return say(language, "every_course");
  const shown = names.slice(0, 3).join(language === "zh" ? "、" : ", ");
  const n = names.length + (scope?.more ?? 0);
  const key = n > Math.min(names.length, 3) ? "some_courses" : "these_courses";
  return say(language, key, { names: shown, n });
}

/**
 * The end of its validity: a date, or a span that starts with the claim.
 * @param {Validity|undefined} validity
 * @param {Language} language
 */
export function validityText(validity, language) {
  if (!validity) return "";
  if (validity.kind === "relative") {
    return say(language, "valid_after_claim", { span: span(validity.seconds ?? 0, language) });
  }
  const until = validity.until ? dateText(validity.until, language) : "";
  if (validity.from && Date.parse(validity.from) > Date.now()) {
    return say(language, "valid_between", { from: dateText(validity.from, language), until });
  }
  return say(language, "valid_until", { until });
}

/**
 * "7天" / "7 days", in the largest unit that divides it well enough.
 * @param {number} seconds
 * @param {Language} language
 */
export function span(seconds, language) {
  /** @type {[string, number][]} */
  const units = [
    ["days", 86400],
    ["hours", 3600],
    ["minutes", 60],
    ["seconds", 1],
  ];
  const [unit, size] =
    units.find(([, each]) => seconds >= each && seconds % each === 0) ?? units[3];
  const n = Math.round(seconds / size);
  return say(language, n === 1 ? `${unit}_one` : unit, { n });
}

/**
 * Date and minute in the reader's time zone. A text that is not a time is returned as it is.
 * @param {string} instant RFC 3339
 * @param {Language} language
 */
export function dateText(instant, language) {
  if (Number.isNaN(Date.parse(instant))) return String(instant ?? "");
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", {
    month: language === "zh" ? "long" : "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(new Date(instant).getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" }),
  }).format(new Date(instant));
}

/**
 * "14:32:05", in the reader's own time zone.
 * @param {number} ms local time; 0: never
 */
export function clockText(ms) {
  return ms
    ? new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" }).format(ms)
    : "";
}

/**
 * "4:05", "1:04:05": what is left, rounded up, so that 0 means over.
 * @param {number} ms
 */
export function countdown(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const seconds = String(all % 60).padStart(2, "0");
  const minutes = Math.floor(all / 60) % 60;
  const hours = Math.floor(all / 3600);
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
    : `${minutes}:${seconds}`;
}
