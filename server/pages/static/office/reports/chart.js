// @ts-check
/**
 * Charts as SVG: lines, bars, funnels and intervals, for pointer and keyboard, each with its table. The chart is
 * a slider over its names: arrow keys move, a screen reader says the values there.
 */

import { fill, h, setText } from "/sdk/element/dom.js";
import { drawingOf, valueText } from "./chart-shapes.js";
import { chartMessages } from "./messages-chart.js";

/** @import { ChartData, Drawing } from "./chart-shapes.js" */
/** @import { Host } from "../shared/host.js" */

const SVG = "http://www.w3.org/2000/svg";
const KEYS = /** @type {Record<string, number>} */ ({
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  Home: -Infinity,
  End: Infinity,
});

/**
 * `label` names the chart and its table, `axis` the table's first column. `href`: where a row of the table leads.
 *
 * @param {Pick<Host, "language">} host
 * @param {ChartData & {label: string, axis: string, href?: (index: number) => string}} data
 * @returns {HTMLElement}
 */
export function chart(host, data) {
  host.language.add(chartMessages);
  if (data.names.length === 0)
    return h("p", { class: "office-empty" }, host.language.say("chart_empty"));
  const svg = document.createElementNS(SVG, "svg");
  const readout = h("p", { class: "chart-readout" });
  /** @type {Drawing} */
  let drawing;
  let chosen = data.names.length - 1;
  const set = (/** @type {Record<string, string|number>} */ of) =>
    Object.entries(of).forEach(([name, value]) => svg.setAttribute(name, String(value)));

  const choose = (/** @type {number} */ index) => {
    chosen = Math.min(data.names.length - 1, Math.max(0, index));
    const values = data.series.map(({ name }, n) => `${name} ${valueText(data, n, chosen)}`);
    const said = `${data.names[chosen]}: ${values.join(", ")}`;
    setText(readout, said);
    set({ "aria-valuenow": chosen + 1, "aria-valuetext": said });
    mark(svg, data, drawing, chosen);
  };
  const draw = (/** @type {number} */ width) => {
    drawing = drawingOf(data, width);
    const { height, shapes } = drawing;
    set({ viewBox: `0 0 ${width} ${height}`, width, height });
    fill(svg, ...shapes.map(shapeNode));
    choose(chosen);
  };
  set({
    role: "slider",
    tabindex: 0,
    class: `chart-${data.kind}`,
    "aria-label": data.label,
    "aria-valuemin": 1,
    "aria-valuemax": data.names.length,
  });
  svg.addEventListener("pointermove", ({ offsetX, offsetY }) =>
    choose(nearest(data, drawing, offsetX, offsetY)),
  );
  svg.addEventListener("keydown", (event) => {
    const step = KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(chosen + step);
  });
  draw(640);
  const frame = h("div", { class: "chart-frame" }, svg);
  let drawn = 640;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (width > 0 && width !== drawn) draw((drawn = width));
  }).observe(frame);
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", null, data.label),
    data.series.length > 1 && legend(data),
    frame,
    readout,
    h("details", null, h("summary", null, host.language.say("chart_table")), tableOf(data)),
  );
}

/** @param {ChartData} data @param {Drawing} drawing @param {number} x @param {number} y */
function nearest(data, { places }, x, y) {
  const away = places.map(([left, top]) =>
    data.kind === "series" ? Math.abs(left - x) : y < top ? Infinity : y - top,
  );
  return Math.max(0, away.indexOf(Math.min(...away)));
}

/** @param {SVGElement} svg @param {ChartData} data @param {Drawing} drawing @param {number} index */
function mark(svg, { kind, names }, { places, height }, index) {
  svg.querySelector(".chosen")?.remove();
  const [x, y] = places[index];
  const row = height / names.length;
  svg.prepend(
    kind === "series"
      ? shapeNode(["line", { class: "chosen", x1: x, x2: x, y1: y, y2: height - 26 }])
      : shapeNode(["rect", { class: "chosen", x: 0, y, width: "100%", height: row, rx: 6 }]),
  );
}

/** @param {import("./chart-shapes.js").Shape} shape */
function shapeNode([tag, attributes, text]) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

/** @param {ChartData} data */
function legend({ series }) {
  const swatch = (/** @type {number} */ n) => {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 28 10");
    svg.setAttribute("aria-hidden", "true");
    svg.append(shapeNode(["path", { class: `line tone-${n}`, d: "M1 5L27 5" }]));
    return svg;
  };
  return h(
    "ul",
    { class: "chart-legend" },
    ...series.map(({ name }, n) => h("li", null, swatch(n), name)),
  );
}

/** @param {ChartData & {label: string, axis: string, href?: (index: number) => string}} data */
function tableOf(data) {
  const row = (/** @type {string} */ name, /** @type {number} */ i) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, data.href ? h("a", { href: data.href(i) }, name) : name),
      ...data.series.map((_, n) => h("td", { class: "number" }, valueText(data, n, i))),
    );
  const heads = data.series.map(({ name }) => h("th", { scope: "col", class: "number" }, name));
  return h(
    "div",
    { class: "office-scroll", tabindex: "0", role: "region", "aria-label": data.label },
    h(
      "table",
      null,
      h("caption", { class: "spoken" }, data.label),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, data.axis), ...heads)),
      h("tbody", null, ...data.names.map(row)),
    ),
  );
}
