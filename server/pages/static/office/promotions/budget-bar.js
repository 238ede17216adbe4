// @ts-check
/** A budget as a bar: what was taken off, what is out, what is free. The figures stand beside it as text. */

/** @import { BudgetParts } from "/sdk/shapes.js" */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;

/** @param {BudgetParts} parts @returns {SVGElement} */
export function budgetBar({ amount, exposed, settled }) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} 14`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "budget");
  svg.setAttribute("aria-hidden", "true");
  const part = (/** @type {number} */ value) =>
    amount > 0 ? Math.min(WIDTH, (WIDTH * value) / amount) : 0;
  svg.append(
    box("free", WIDTH),
    box("exposed", part(settled + exposed)),
    box("settled", part(settled)),
  );
  return svg;
}

/** @param {string} name @param {number} width */
function box(name, width) {
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("class", name);
  rect.setAttribute("width", String(width));
  rect.setAttribute("height", "14");
  return rect;
}
