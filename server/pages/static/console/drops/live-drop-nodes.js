// @ts-check
/** The nodes of a running drop's card, created once and empty; `live-drop.js` fills them. */

import { h } from "/sdk/element/dom.js";

const COUNTERS = /** @type {const} */ (["present", "reached", "claimed", "redeemed", "released"]);
const TOP_UPS = [10, 50];
const EXTENSIONS_S = [30, 60, 300];

/**
 * @typedef {object} Presses
 * @property {(add: number) => Promise<void>} topUp
 * @property {() => Promise<void>} topUpTyped
 * @property {(seconds: number) => Promise<void>} extend
 * @property {() => Promise<void>} close
 */

/**
 * @param {string} id of the drop
 * @param {Presses} presses
 * @param {Element} press where the card says what becomes of a press
 * @param {Element} lookUp
 */
export function liveDropNodes(id, presses, press, lookUp) {
  const head = headNodes(id);
  const audience = h("p", { class: "audience", hidden: true });
  const units = unitNodes();
  const controls = controlNodes(presses);
  const books = h("p", { class: "hint books" });
  const apologised = h("p", { class: "hint apologised", role: "status", hidden: true });
  const recording = h("p", { class: "hint recording", role: "status" });
  const root = h(
    "article",
    { class: "panel live-drop", "aria-labelledby": `live-${id}`, "data-drop": id },
    head.head,
    audience,
    head.message,
    units.meter,
    units.left,
    units.list,
    books,
    apologised,
    recording,
    controls.controls,
    press,
    lookUp,
  );
  return { ...head, ...units, ...controls, audience, books, apologised, recording, root };
}

/** @param {string} id */
function headNodes(id) {
  const value = h("span", { class: "worth" });
  const name = h("h3", { id: `live-${id}` });
  const state = h("span", { class: "state" });
  const clockLabel = h("span", { class: "hint" });
  const clock = h("span", { class: "clock figure", role: "timer" });
  const message = h("p", { class: "said" });
  const head = h(
    "div",
    { class: "head" },
    value,
    h("div", { class: "grow" }, name, state),
    h("div", { class: "time" }, clockLabel, clock),
  );
  return { head, value, name, state, clockLabel, clock, message };
}

function unitNodes() {
  const fillBar = h("div", { class: "bar-fill" });
  const meter = h("div", { class: "bar-box", role: "progressbar", "aria-valuemin": 0 }, fillBar);
  const left = h("p", { class: "figures left" });
  const counters = COUNTERS.map((name) => {
    const label = h("dt");
    const figure = h("dd", { class: "figure", "data-counter": name });
    return { name, label, figure, box: h("div", null, label, figure) };
  });
  const list = h("dl", { class: "counters" }, ...counters.map(({ box }) => box));
  return { fillBar, meter, left, counters, list };
}

/** @param {Presses} presses */
function controlNodes(presses) {
  const topUps = TOP_UPS.map((add) => ({ add, button: control(() => presses.topUp(add)) }));
  const extensions = EXTENSIONS_S.map((seconds) => ({
    seconds,
    button: control(() => presses.extend(seconds)),
  }));
  const topUpLabel = h("span", { class: "hint" });
  const extendLabel = h("span", { class: "hint" });
  const amount = h("input", {
    type: "number",
    min: 1,
    step: 1,
    inputmode: "numeric",
    placeholder: "+N",
  });
  const addAmount = control(presses.topUpTyped);
  const extendRow = h(
    "div",
    { class: "row" },
    extendLabel,
    ...extensions.map(({ button }) => button),
  );
  const end = control(presses.close);
  end.classList.add("danger");
  const controls = h(
    "div",
    { class: "controls" },
    h(
      "div",
      { class: "row" },
      topUpLabel,
      ...topUps.map(({ button }) => button),
      amount,
      addAmount,
    ),
    extendRow,
    h("div", { class: "row" }, end),
  );
  return {
    controls,
    topUps,
    extensions,
    topUpLabel,
    extendLabel,
    extendRow,
    amount,
    addAmount,
    end,
  };
}

/**
 * Create a control that runs one call at a time.
 * @param {() => Promise<void>} act
 */
function control(act) {
  const button = h("button", { type: "button", class: "plain-button" });
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    await act();
    button.removeAttribute("aria-disabled");
  });
  return button;
}
