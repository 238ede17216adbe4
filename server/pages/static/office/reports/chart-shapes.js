// @ts-check
/** What a chart consists of: positions and texts for a width in pixels. Pure; `chart.js` draws it. */

/**
 * `values`: null where there is none. `low` and `high`: the ends of an interval around each value.
 *
 * @typedef {object} Series
 * @property {string} name
 * @property {readonly (number|null)[]} values
 * @property {readonly (number|null)[]} [low]
 * @property {readonly (number|null)[]} [high]
 */

/**
 * `series` draws lines over `names` (days, looks), `bars` a bar for each name, `funnel` steps of which each is
 * a part of the first, `interval` a point with its ends for each name. Only `series` has several `series`.
 *
 * @typedef {object} ChartData
 * @property {"series"|"bars"|"funnel"|"interval"} kind
 * @property {readonly string[]} names
 * @property {readonly Series[]} series
 * @property {(value: number) => string} format
 * @property {boolean} [isWhole] no tick between whole numbers: counts, minor units
 */

/** @typedef {readonly [tag: string, attributes: Record<string, string|number>, text?: string]} Shape */
/** @typedef {{shapes: Shape[], height: number, places: (readonly [x: number, y: number])[]}} Drawing */

const HEIGHT = 220;
const ROW = 46;
const TOP = 12;
const FOOT = 26;
const LETTER = 7.5; // px, of the small type of the axes

/**
 * Return round values that reach from `low` to `high`, some `most` of them.
 * @param {number} low @param {number} high @param {boolean} [isWhole] @param {number} [most]
 */
export function ticks(low, high, isWhole = false, most = 4) {
  const rough = (high - low || 1) / most;
  const size = 10 ** Math.floor(Math.log10(rough));
  const fitting = [1, 2, 5, 10].map((n) => n * size).find((step) => step >= rough * 0.999) ?? size;
  const step = isWhole ? Math.max(1, fitting) : fitting;
  const first = Math.floor(low / step + 1e-9);
  const count = Math.max(1, Math.ceil(high / step - 1e-9) - first);
  return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** @param {ChartData} data @param {number} width px @returns {Drawing} `places`: where each name is marked */
export function drawingOf(data, width) {
  return data.kind === "series" ? lines(data, width) : rows(data, width);
}

/** @param {readonly Series[]} series @returns {[low: number, high: number]} with zero in it */
function reachOf(series) {
  const all = series
    .flatMap(({ values, low = [], high = [] }) => [...values, ...low, ...high])
    .filter((value) => value !== null);
  return [Math.min(0, ...all), Math.max(0, ...all)];
}

/** @param {ChartData} data @param {number} width @returns {Drawing} */
function lines({ names, series, format, isWhole }, width) {
  const marks = ticks(...reachOf(series), isWhole);
  const [bottom, top] = [marks[0], marks[marks.length - 1]];
  const left = LETTER * Math.max(...marks.map((value) => format(value).length)) + 14;
  const wide = Math.max(1, width - left - 14);
  const x = (/** @type {number} */ i) =>
    left + (names.length > 1 ? (wide * i) / (names.length - 1) : wide / 2);
  const y = (/** @type {number} */ value) =>
    TOP + (HEIGHT - TOP - FOOT) * (1 - (value - bottom) / (top - bottom));
  const each = Math.max(
    1,
    Math.ceil((names.length * (LETTER * Math.max(...names.map((n) => n.length), 1) + 14)) / wide),
  );
  /** @type {Shape[]} */
  const shapes = marks.flatMap((value) => [
    line(left, width - 14, y(value), value === 0 ? "axis" : "grid"),
    text(left - 8, y(value) + 4, format(value), "end"),
  ]);
  names.forEach((name, i) => {
    if (i % each) return;
    const anchor = i === 0 ? "start" : i === names.length - 1 ? "end" : "middle";
    shapes.push(text(x(i), HEIGHT - 6, name, names.length > 1 ? anchor : "middle"));
  });
  series.forEach(({ values, low, high }, n) => {
    if (low && high) shapes.push(["path", { class: `band tone-${n}`, d: band(low, high, x, y) }]);
    shapes.push(["path", { class: `line tone-${n}`, d: pathOf(values, x, y) }]);
    if (names.length > 40) return;
    values.forEach((value, i) => {
      if (value !== null)
        shapes.push(["circle", { class: `tone-${n}`, cx: x(i), cy: y(value), r: 3 }]);
    });
  });
  return { shapes, height: HEIGHT, places: names.map((_, i) => [x(i), TOP]) };
}

/**
 * A path that is broken where there is no value.
 * @param {readonly (number|null)[]} values
 * @param {(i: number) => number} x @param {(value: number) => number} y
 */
export function pathOf(values, x, y) {
  let isDrawing = false;
  return values
    .map((value, i) => {
      const verb = isDrawing ? "L" : "M";
      isDrawing = value !== null;
      return value === null ? "" : `${verb}${round(x(i))} ${round(y(value))}`;
    })
    .join("");
}

/**
 * @param {readonly (number|null)[]} low @param {readonly (number|null)[]} high
 * @param {(i: number) => number} x @param {(value: number) => number} y
 */
function band(low, high, x, y) {
  const known = low.map((value, i) => [i, value, high[i]]).filter((at) => !at.includes(null));
  const side = (/** @type {(number|null)[][]} */ of, /** @type {1|2} */ end) =>
    of.map((at) => `${round(x(Number(at[0])))} ${round(y(Number(at[end])))}`);
  const points = [...side(known, 2), ...side([...known].reverse(), 1)];
  return points.length ? `M${points.join("L")}Z` : "";
}

/** @param {ChartData} data @param {number} width @returns {Drawing} */
function rows({ kind, names, series, format }, width) {
  const [of] = series;
  const [bottom, top] = reachOf([of]);
  const wide = Math.max(1, width - 16);
  const x = (/** @type {number} */ value) => 8 + (wide * (value - bottom)) / (top - bottom || 1);
  /** @type {Shape[]} */
  const shapes = [];
  names.forEach((name, i) => {
    const y = ROW * i;
    const value = of.values[i];
    const label = valueText({ kind, names, series, format }, 0, i);
    const room = Math.floor((wide - LETTER * label.length) / LETTER) - 2;
    shapes.push(text(8, y + 17, shortened(name, room), "start", "name"));
    shapes.push(text(width - 8, y + 17, label, "end", "value"));
    if (value === null) return;
    if (kind === "interval") {
      shapes.push(line(x(of.low?.[i] ?? value), x(of.high?.[i] ?? value), y + 31, "line tone-0"));
      shapes.push(["circle", { class: "tone-0", cx: x(value), cy: y + 31, r: 5 }]);
      return;
    }
    const from = Math.min(x(0), x(value));
    const size = Math.max(value === 0 ? 0 : 2, Math.abs(x(value) - x(0)));
    shapes.push(["rect", { class: "track", x: 8, y: y + 24, width: wide, height: 12, rx: 3 }]);
    shapes.push(["rect", { class: "tone-0", x: from, y: y + 24, width: size, height: 12, rx: 3 }]);
  });
  const height = ROW * names.length;
  if (bottom < 0 || kind === "interval")
    shapes.push(["line", { class: "axis", x1: x(0), x2: x(0), y1: 0, y2: height }]);
  return { shapes, height, places: names.map((_, i) => [0, ROW * i]) };
}

/** The value as a person reads it: with its ends, or as a part of the first step. @param {ChartData} data @param {number} n which series @param {number} i which name @returns {string} */
export function valueText({ kind, series, format }, n, i) {
  const { values, low, high } = series[n];
  const value = values[i];
  if (value === null || value === undefined) return "–";
  const [from, until] = [low?.[i], high?.[i]];
  if (from != null && until != null) return `${format(value)} (${format(from)} … ${format(until)})`;
  const first = values[0];
  if (kind !== "funnel" || i === 0 || !first) return format(value);
  return `${format(value)} (${Math.round((1000 * value) / first) / 10} %)`;
}

/** @param {string} name @param {number} letters */
const shortened = (name, letters) =>
  name.length > Math.max(letters, 4) ? `${name.slice(0, Math.max(letters, 4) - 1)}…` : name;

/** @param {number} x @param {number} y @param {string} content @param {string} anchor @param {string} [name] @returns {Shape} */
const text = (x, y, content, anchor, name = "tick") => [
  "text",
  { x: round(x), y: round(y), "text-anchor": anchor, class: name },
  content,
];

/** @param {number} x1 @param {number} x2 @param {number} y @param {string} name @returns {Shape} */
const line = (x1, x2, y, name) => ["line", { class: name, x1, x2, y1: y, y2: y }];

const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
