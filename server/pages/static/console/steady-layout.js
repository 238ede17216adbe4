// @ts-check
/**
 * DropChanges a page's lists without pulling anything from under a pointer: what is pointed at keeps its place,
 * by scrolling, and everything else glides to its new one. Used by the console.
 */

const GLIDE_MS = 220;
/** A pointer that has rested for longer is not about to press. */
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

/** The block that is pointed at, if one of these is. @param {Element[]} blocks */
function pointedAt(blocks) {
  if (!pointer || performance.now() - pointer.at > POINTED_MS) return null;
  const under = document.elementFromPoint(pointer.x, pointer.y);
  return blocks.find((block) => under && block.contains(under)) ?? null;
}

/** @param {Element} list @returns {boolean} whether a pointer is over it */
export const isPointedAt = (list) => pointedAt([list]) !== null;

/**
 * @param {() => Element[]} blocks that have a place of their own, outer ones before those within them
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
  // All are measured before the first one moves.
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

/** How far a block is from where it was. @param {DOMRect|undefined} from @param {DOMRect} to */
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
