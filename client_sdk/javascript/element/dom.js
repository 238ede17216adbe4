// @ts-check
/**
 * Functions that build and patch DOM with text nodes only, so that no text of a teacher or a school can become
 * markup. The element and the pages call them.
 */

/** @typedef {Node|string|null|undefined|false} Child */

/**
 * Make an element with attributes and children. Keys `on…` are listeners; a boolean sets an attribute or leaves
 * it out; `class` is the attribute of that name.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>|null} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  fill(node, ...children);
  return node;
}

/**
 * @param {Element} node
 * @param {...Child} children
 */
export function fill(node, ...children) {
  node.replaceChildren(
    ...children.filter(/** @returns {child is Node|string} */ (child) => Boolean(child)),
  );
}

/**
 * Set a text only where it differs, because a live region announces every write.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {Element} node
 * @param {boolean} shown
 */
export function show(node, shown) {
  node.toggleAttribute("hidden", !shown);
}

/**
 * Make these nodes the children. Move only nodes that are in another place, and never the one that has the
 * focus, because a node that is moved loses it.
 * @param {Element} parent
 * @param {Element[]} wanted
 */
export function place(parent, wanted) {
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  const pivot = wanted.findIndex(
    (child) => child.parentElement === parent && child.matches(":focus-within"),
  );
  for (let i = pivot - 1; i >= 0; i--) {
    if (wanted[i].nextElementSibling !== wanted[i + 1])
      parent.insertBefore(wanted[i], wanted[i + 1]);
  }
  for (let i = pivot + 1; i < wanted.length; i++) {
    const next = i === 0 ? parent.firstElementChild : wanted[i - 1].nextElementSibling;
    if (next !== wanted[i]) parent.insertBefore(wanted[i], next);
  }
}

/** @type {Set<string>} */
const reported = new Set();

/**
 * Draw each item by itself. An item that cannot be drawn is drawn in its plain form and reported to the
 * console once; the others are drawn as usual.
 * @template T, R
 * @param {readonly T[]} items
 * @param {(item: T) => R} draw
 * @param {(item: T) => R} plain must not throw
 * @returns {R[]}
 */
export function drawEach(items, draw, plain) {
  return items.map((item) => {
    try {
      return draw(item);
    } catch (fault) {
      report(fault);
      return plain(item);
    }
  });
}

/** Report a fault to the console, each once. @param {unknown} fault */
export function report(fault) {
  if (reported.has(String(fault))) return;
  reported.add(String(fault));
  console.error(fault);
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make a line icon in the text's colour, hidden from screen readers.
 * @param {string} path
 */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const icons = {
  coupon: "M4 7h16v3a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4zM14 7v2m0 2.5v1m0 2.5v2",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
};
