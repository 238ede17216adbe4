// @ts-check
/**
 * The four faces of a lottery, one element each: wheel, scratch card, boxes, calendar. A face shows what is
 * won when it is told so, and asks for nothing. Where the reader wants little motion it shows the end at once.
 */

import { fill, h, setText } from "/sdk/element/dom.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {{node: HTMLElement, reveal: (place: number|null, text: string) => Promise<void>, update: () => void, picks?: boolean}} Face */
/** @typedef {{label: string, place: number|null}} Segment */

const SVG = "http://www.w3.org/2000/svg";
const TURN_MS = 2_700;
const TILE_MS = 25;
const SHORT_MS = 600;

const wantsLittleMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** @param {number} ms */
const pause = (ms) => new Promise((done) => void setTimeout(done, wantsLittleMotion() ? 0 : ms));

/**
 * Make the wheel. Its segments have one size; the odds are in the table.
 * @param {() => Segment[]} segments in the order of the prizes
 * @returns {Face}
 */
export function wheel(segments) {
  const node = h("div", { class: "wheel", "aria-hidden": "true" });
  let turns = 0;
  const update = () => {
    const all = segments();
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "-50 -50 100 100");
    svg.append(...all.map((_, place) => sector(place, all.length)));
    svg.append(...all.map(({ label }, place) => sectorText(label, place, all.length)));
    fill(node, svg);
  };
  update();
  return {
    node,
    update,
    async reveal(place) {
      const all = segments();
      const index = Math.max(
        0,
        all.findIndex((one) => one.place === place),
      );
      turns += 1;
      const degrees = 360 * 5 * turns - ((index + 0.5) * 360) / all.length;
      node.toggleAttribute("data-turning", !wantsLittleMotion());
      node.style.setProperty("--turn", `${degrees}deg`);
      await pause(TURN_MS);
    },
  };
}

/** @param {number} angle in degrees, 0 at the top @param {number} radius */
const point = (angle, radius) => {
  const radians = ((angle - 90) * Math.PI) / 180;
  return [Math.cos(radians) * radius, Math.sin(radians) * radius].map((one) => one.toFixed(3));
};

/** @param {number} place @param {number} count */
function sector(place, count) {
  const path = document.createElementNS(SVG, "path");
  const size = 360 / count;
  if (count === 1) {
    path.setAttribute("d", "M 0 -48 A 48 48 0 1 1 -0.01 -48 Z");
    return path;
  }
  const [from, to] = [point(place * size, 48), point((place + 1) * size, 48)];
  const isLarge = size > 180 ? 1 : 0;
  path.setAttribute("d", `M 0 0 L ${from.join(" ")} A 48 48 0 ${isLarge} 1 ${to.join(" ")} Z`);
  return path;
}

/** @param {string} label @param {number} place @param {number} count */
function sectorText(label, place, count) {
  const text = document.createElementNS(SVG, "text");
  const angle = ((place + 0.5) * 360) / count;
  // Narrow segments have their text along the radius.
  const across = count > 5 ? " rotate(90)" : "";
  text.setAttribute("transform", `rotate(${angle}) translate(0 -31)${across}`);
  text.textContent = label.length > 9 ? `${label.slice(0, 8)}…` : label;
  return text;
}

/** Make the scratch card. @returns {Face} */
export function scratchCard() {
  const text = h("span");
  const cover = h("div", { class: "cover" }, ...Array.from({ length: 40 }, () => h("i")));
  const node = h("div", { class: "scratch", "aria-hidden": "true" }, text, cover);
  return {
    node,
    update() {},
    async reveal(_place, words) {
      const tiles = [...cover.children];
      for (const tile of tiles) tile.toggleAttribute("data-off", false);
      setText(text, words);
      await pause(SHORT_MS);
      // In an order that looks like a hand; it decides nothing.
      tiles.sort((one, other) => order(one, tiles) - order(other, tiles));
      for (const tile of tiles) {
        tile.toggleAttribute("data-off", true);
        await pause(TILE_MS);
      }
    },
  };
}

const ORDERS = new WeakMap();

/** @param {Element} tile @param {Element[]} tiles */
function order(tile, tiles) {
  if (!ORDERS.has(tile)) ORDERS.set(tile, (tiles.indexOf(tile) * 17) % tiles.length);
  return ORDERS.get(tile);
}

/**
 * Make three boxes. Whichever is opened, the draw is the same.
 * @param {Language} language
 * @param {() => void} open called when a box is pressed
 * @returns {Face}
 */
export function boxes(language, open) {
  let picked = 0;
  const buttons = [0, 1, 2].map((place) =>
    h("button", {
      type: "button",
      onclick: () => {
        picked = place;
        open();
      },
    }),
  );
  const node = h("div", { class: "boxes", role: "group" }, ...buttons);
  const update = () => {
    for (const [place, button] of buttons.entries()) {
      if (!button.hasAttribute("data-open"))
        setText(button, language.say("box_n", { n: place + 1 }));
    }
  };
  update();
  return {
    node,
    update,
    picks: true,
    async reveal(_place, words) {
      for (const button of buttons) button.toggleAttribute("data-open", false);
      update();
      await pause(SHORT_MS);
      buttons[picked].toggleAttribute("data-open", true);
      setText(buttons[picked], words);
      await pause(SHORT_MS);
    },
  };
}

/**
 * Make the calendar of seven days, of which the last is today.
 * @param {Language} language
 * @param {() => string} today the school's date, `2026-03-01`
 * @param {() => Set<string>} done dates on which the student has signed in
 * @returns {Face}
 */
export function calendar(language, today, done) {
  const node = h("ol", { class: "days" });
  const update = () => {
    const dates = lastDays(today(), 7);
    const days = new Intl.DateTimeFormat(language.current === "zh" ? "zh-CN" : "en", {
      timeZone: "UTC",
      day: "numeric",
      month: "numeric",
    });
    fill(
      node,
      ...dates.map((date) =>
        h(
          "li",
          { "data-done": done().has(date), "data-today": date === today() },
          days.format(Date.parse(date)),
        ),
      ),
    );
  };
  update();
  return {
    node,
    update,
    async reveal() {
      const stamp = node.lastElementChild;
      stamp?.toggleAttribute("data-done", true);
      stamp?.toggleAttribute("data-stamping", true);
      await pause(50);
      stamp?.toggleAttribute("data-stamping", false);
      await pause(SHORT_MS);
    },
  };
}

/** @param {string} last @param {number} count @returns {string[]} */
function lastDays(last, count) {
  const end = Date.parse(last);
  return Array.from({ length: count }, (_, place) =>
    new Date(end - (count - 1 - place) * 86_400_000).toISOString().slice(0, 10),
  );
}
