// @ts-check
/**
 * Changes a page's lists without moving anything from under the pointer: the page scrolls so that
 * the block under the pointer keeps its place, and the other blocks glide to theirs. Used by the
 * console.
 */

const GLIDE_MS = 220;
/** A pointer that has not moved for longer is not about to press. */
const POINTED_MS = 4_000;

/** @type {{x: number, y: number, at: number}|null} */
let pointer = null;
for (const type of ["pointermove", "pointerdown"]) {
  addEventListener(
    type,
    (event) => {
      const { clientX: x, clientY: y } = /** @type {PointerEvent} */ (event);
      pointer = { x, y, at: performance.now() };
    },
    { passive: true },
  );
}
document.documentElement.addEventListener("pointerleave", () => {
  pointer = null;
});

/** Return the block under the pointer, if it is one of these. @param {Element[]} blocks */
function pointedAt(blocks) {
  if (!pointer || performance.now() - pointer.at > POINTED_MS) return null;
  const under = document.elementFromPoint(pointer.x, pointer.y);
  return blocks.find((block) => under && block.contains(under)) ?? null;
}

/** @param {Element} list @returns {boolean} whether a pointer is over it */
export const isPointedAt = (list) => pointedAt([list]) !== null;

/**
 * @param {() => Element[]} blocks that have a place of their own, outer ones before those inside
 * them
 * @param {() => void} change
 */
export function rearrange(blocks, change) {
  const before = new Map(blocks().map((block) => [block, block.getBoundingClientRect()]));
  const anchor = pointedAt([...before.keys()].reverse());
  change();
  const fixed = anchor?.isConnected
    ? anchor.getBoundingClientRect().top - (before.get(anchor)?.top ?? 0)
    : 0;
  if (fixed) scrollBy({ top: fixed, behavior: "instant" });
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  // All blocks are measured before the first one moves.
  const moved = new Map(
    blocks().map((block) => [block, shift(before.get(block), block.getBoundingClientRect())]),
  );
  for (const [block, { x, y }] of moved) {
    const outer = [...moved.keys()].find((other) => other !== block && other.contains(block));
    const { x: outerX, y: outerY } = (outer && moved.get(outer)) ?? STILL;
    glide(block, x - outerX, y - outerY);
  }
}

const STILL = { x: 0, y: 0 };

/** Return how far a block has moved. @param {DOMRect|undefined} from @param {DOMRect} to */
function shift(from, to) {
  return from?.height && to.height ? { x: from.left - to.left, y: from.top - to.top } : STILL;
}

/** @param {Element} block @param {number} x @param {number} y */
function glide(block, x, y) {
  if (!x && !y) return;
  block.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], {
    duration: GLIDE_MS,
    easing: "ease-out",
  });
}
