// @ts-check
/** How a drop was claimed over time, as one line from the opening to the last claim. */

const [WIDTH, HEIGHT] = [600, 120];
const MOST_POINTS = 120;

/**
 * Return the points (x, y) of the sum of claims, at most MOST_POINTS of them, from (0, 0) to (1, 1). Pure.
 * @param {readonly number[]} times ms, in any order
 * @param {number} opened ms
 * @returns {[number, number][]}
 */
export function curvePoints(times, opened) {
  const sorted = times.map((at) => Math.max(0, at - opened)).sort((a, b) => a - b);
  const span = Math.max(1, sorted[sorted.length - 1] ?? 1);
  const step = Math.max(1, Math.ceil(sorted.length / MOST_POINTS));
  const shown = sorted.flatMap((at, index) =>
    (index + 1) % step === 0 || index === sorted.length - 1
      ? [/** @type {[number, number]} */ ([at / span, (index + 1) / sorted.length])]
      : [],
  );
  return [[0, 0], ...shown];
}

/**
 * @param {readonly number[]} times ms
 * @param {number} opened ms
 * @param {string} label what the picture shows, in words
 */
export function claimCurve(times, opened, label) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "polyline");
  const points = curvePoints(times, opened).map(
    ([x, y]) => `${(x * WIDTH).toFixed(1)},${((1 - y) * HEIGHT).toFixed(1)}`,
  );
  line.setAttribute("points", points.join(" "));
  line.setAttribute("vector-effect", "non-scaling-stroke");
  svg.setAttribute("viewBox", `-2 -4 ${WIDTH + 4} ${HEIGHT + 8}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("class", "curve");
  svg.append(line);
  return svg;
}
