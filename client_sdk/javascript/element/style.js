// @ts-check
/**
 * The look of the coupon card, as one constructable stylesheet shared by all elements on a page: it
 * needs no style permission from the content security policy of the page it stands in.
 *
 * A page may set `--classdrop-accent`, `--classdrop-surface`, `--classdrop-ink` and
 * `--classdrop-font`. Text on the accent is white: keep it dark enough (4.5:1).
 */

const css = `
:host {
  --accent: var(--classdrop-accent, #b83a1e);
  --surface: var(--classdrop-surface, #ffffff);
  --ink: var(--classdrop-ink, #1d1f21);
  --soft: color-mix(in srgb, var(--ink) 68%, var(--surface));
  --line: color-mix(in srgb, var(--ink) 16%, var(--surface));
  --notch: 11px;
  display: block;
  color: var(--ink);
  font: 16px/1.5 var(--classdrop-font, system-ui, -apple-system, "Segoe UI", "PingFang SC",
    "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif);
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.spoken {
  position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap;
}
.icon { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8;
  stroke-linecap: round; stroke-linejoin: round; }
button { font: inherit; color: inherit; min-height: 44px; min-width: 44px; padding: 0; border: 0; background: none;
  border-radius: 10px; cursor: pointer; touch-action: manipulation; }
:focus-visible { outline: 3px solid var(--ring, var(--accent)); outline-offset: 2px; }

.cards { display: grid; gap: 20px; }
.card { position: relative; max-width: 440px; width: 100%; margin-inline: auto;
  filter: drop-shadow(0 1px 1px rgb(20 22 26 / .08)) drop-shadow(0 10px 24px rgb(20 22 26 / .12));
  animation: arrive .32s cubic-bezier(.2, .8, .3, 1); }

/* The ticket: two halves whose corners are bitten off where they meet. */
.upper, .lower { border-radius: 16px; padding: 20px 22px; }
.upper { background: var(--ticket, var(--accent)); color: var(--ticket-ink, #fff); --ring: currentColor;
  border-end-start-radius: 0; border-end-end-radius: 0; padding-block-end: 22px;
  mask: radial-gradient(circle var(--notch) at 0 100%, #0000 97%, #000) 0 0 / 51% 100% no-repeat,
    radial-gradient(circle var(--notch) at 100% 100%, #0000 97%, #000) 100% 0 / 51% 100% no-repeat; }
.lower { background: var(--surface);
  border-start-start-radius: 0; border-start-end-radius: 0; position: relative;
  mask: radial-gradient(circle var(--notch) at 0 0, #0000 97%, #000) 0 0 / 51% 100% no-repeat,
    radial-gradient(circle var(--notch) at 100% 0, #0000 97%, #000) 100% 0 / 51% 100% no-repeat; }
.lower::before { content: ""; position: absolute; inset: -1px 20px auto; border-top: 2px dashed var(--line); }

.name { margin: 0; padding-inline-end: 40px; font-size: 15px; font-weight: 600; line-height: 1.4;
  overflow-wrap: anywhere; }
.value { display: flex; align-items: baseline; gap: 4px; margin: 6px 0 2px; line-height: 1;
  font-weight: 700; letter-spacing: -.02em; font-variant-numeric: tabular-nums lining-nums; }
.value .before { font-size: 30px; }
.value .figure { font-size: 64px; }
.value .after { font-size: 26px; letter-spacing: 0; }
.conditions { display: flex; flex-wrap: wrap; gap: 6px; margin: 12px 0 0; padding: 0; list-style: none; }
.conditions li { padding: 1px 9px; border: 1px solid currentColor; border-radius: 99px; font-size: 14px; }
.artwork { position: absolute; inset-block-start: 58px; inset-inline-end: 22px; width: 84px; height: 84px;
  object-fit: cover; border-radius: 12px; }
.dismiss { position: absolute; inset-block-start: 8px; inset-inline-end: 8px; display: grid;
  place-items: center; color: var(--ticket-ink, #fff); --ring: currentColor; }

.details { margin: 0; padding: 0; list-style: none; font-size: 14px; color: var(--soft);
  overflow-wrap: anywhere; }
.message { margin: 0 0 10px; font-size: 16px; overflow-wrap: anywhere; }
.message .who { display: block; font-size: 13px; color: var(--soft); }
.figures { display: flex; justify-content: space-between; align-items: baseline; gap: 12px;
  margin-block-start: 14px; font-size: 14px; color: var(--soft); }
.clock { font-size: 22px; font-weight: 650; color: var(--ink); margin-inline-start: 8px;
  font-variant-numeric: tabular-nums; }
.left { font-variant-numeric: tabular-nums; }

.main { display: flex; align-items: center; justify-content: center; gap: 8px; width: 100%;
  min-height: 54px; margin-block-start: 12px; padding: 8px 16px; border-radius: 12px; font-size: 18px;
  font-weight: 650; background: var(--accent); color: #fff; text-decoration: none;
  transition: filter .12s, transform .12s; }
.main:hover { filter: brightness(1.08); }
.main:active { transform: scale(.985); }
.main[aria-disabled="true"] { background: var(--line); color: var(--soft); cursor: default; filter: none;
  transform: none; }
.main[data-busy]::before { content: ""; width: 18px; height: 18px; border-radius: 50%;
  border: 2.5px solid currentColor; border-inline-end-color: transparent; animation: turn .8s linear infinite; }

.result { margin-block-start: 12px; }
.headline { margin: 0; font-size: 17px; font-weight: 650; line-height: 1.4; }
.headline:focus { outline: none; }
.headline[data-good] { font-size: 21px; font-weight: 700; color: var(--accent); }
.headline[data-good]::before { content: ""; display: inline-block; width: .5em; height: .85em;
  margin-inline: .12em .5em; border: solid currentColor; border-width: 0 .17em .17em 0;
  transform: rotate(42deg) translateY(-.1em); animation: tick .4s ease-out; }
.note { margin: 2px 0 0; font-size: 15px; color: var(--soft); }
.won { display: grid; gap: 10px; margin-block-start: 10px; }
.code { display: flex; align-items: center; gap: 8px; padding-inline-start: 14px; border-radius: 12px;
  border: 1.5px dashed var(--line); }
.code code { flex: 1; min-width: 0; padding-block: 12px; font: 600 17px/1.3 ui-monospace, "SF Mono", Menlo,
  Consolas, monospace; letter-spacing: .04em; overflow-wrap: anywhere; user-select: all; }
.code button { display: flex; align-items: center; gap: 6px; padding: 0 14px; font-weight: 600;
  color: var(--accent); white-space: nowrap; }
.won .main { margin-block-start: 0; }

.card[data-quiet] { --ticket: color-mix(in srgb, var(--ink) 68%, var(--surface)); --ticket-ink: #fff; }
.card[data-quiet] .figure { font-size: 40px; }
.card[data-quiet] :is(.message, .details, .conditions) { display: none; }
.card[data-quiet] .result { margin-block-start: 0; }

.tray { display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; }
.tray:not(:empty) { margin-block-end: 16px; }
.chip { display: inline-flex; align-items: center; gap: 8px; padding: 0 16px; border-radius: 99px;
  background: var(--surface); color: var(--accent); font-weight: 650; font-variant-numeric: tabular-nums;
  box-shadow: 0 1px 2px rgb(20 22 26 / .12), 0 4px 12px rgb(20 22 26 / .12); }

:host([compact]) .card { max-width: 340px; }
:host([compact]) .upper, :host([compact]) .lower { padding: 14px 18px; }
:host([compact]) .value .figure { font-size: 46px; }
:host([compact]) .value .before, :host([compact]) .value .after { font-size: 22px; }
:host([compact]) .main { min-height: 48px; font-size: 17px; }

@keyframes arrive { from { opacity: 0; transform: translateY(14px) scale(.97); } }
@keyframes turn { to { transform: rotate(1turn); } }
@keyframes tick { from { opacity: 0; transform: rotate(42deg) translateY(-.1em) scale(.3); } }
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; }
  .main[data-busy]::before { border-style: dotted; border-color: currentColor; }
}
@media (forced-colors: active) {
  .upper, .lower, .main, .chip { border: 1px solid; mask: none; }
}
`;

/** @type {CSSStyleSheet|undefined} */
let sheet;

/** The one sheet of this page, made when the first element needs it. */
export function cardSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  return sheet;
}

/**
 * A school's own colour for the ticket's upper half, with the ink (black or white) that can be
 * read on it. Null where it is not a colour we can measure.
 * @param {string|undefined|null} colour `#rrggbb`
 * @returns {{ticket: string, ink: string}|null}
 */
export function ticketColours(colour) {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour ?? "");
  if (!found) return null;
  const [r, g, b] = found.slice(1).map((pair) => linear(parseInt(pair, 16) / 255));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  // Where white and black contrast equally: (1.05)/(L+.05) = (L+.05)/(.05).
  return { ticket: colour ?? "", ink: light > 0.179 ? "#16181a" : "#ffffff" };
}

/** @param {number} part sRGB 0..1 */
function linear(part) {
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}
