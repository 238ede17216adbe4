// @ts-check
/**
 * The style of the coupon card: one constructable stylesheet that all elements on a page share. It needs no style
 * permission in the page's content security policy.
 *
 * A page may set `--classdrop-accent`, `--classdrop-on-accent` (text on it, white if absent),
 * `--classdrop-ticket`, `--classdrop-on-ticket` (the ticket's upper half, as the accent if absent),
 * `--classdrop-surface`, `--classdrop-ink` and `--classdrop-font`: keep 4.5:1 between them. The element is
 * light unless its `scheme` says `dark`, or `auto` for what the reader's system says.
 */

const css = `
:host {
  --accent: var(--classdrop-accent, #b83a1e);
  --on-accent: var(--classdrop-on-accent, #ffffff);
  --ticket-ground: var(--classdrop-ticket, var(--accent));
  --ticket-text: var(--classdrop-on-ticket, var(--on-accent));
  --surface: var(--classdrop-surface, #ffffff);
  --ink: var(--classdrop-ink, #1d1f21);
  --soft: color-mix(in srgb, var(--ink) 68%, var(--surface));
  --line: color-mix(in srgb, var(--ink) 16%, var(--surface));
  --notch: 11px;
  display: block;
  color: var(--ink);
  color-scheme: light;
  font: 16px/1.5 var(--classdrop-font, system-ui, -apple-system, "Segoe UI", "PingFang SC",
    "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif);
}
@supports not (color: color-mix(in srgb, red, red)) { :host { --soft: #5c6064; --line: #dddcd8; } }
:host([scheme="dark"]) { color-scheme: dark;
  --accent: var(--classdrop-accent, #ff9d84); --on-accent: var(--classdrop-on-accent, #2b0e06);
  --surface: var(--classdrop-surface, #1f2123); --ink: var(--classdrop-ink, #eceae6);
  --ticket-ground: var(--classdrop-ticket, #b83a1e); --ticket-text: var(--classdrop-on-ticket, #ffffff); }
@media (prefers-color-scheme: dark) {
  :host([scheme="auto"]) { color-scheme: dark;
    --accent: var(--classdrop-accent, #ff9d84); --on-accent: var(--classdrop-on-accent, #2b0e06);
    --surface: var(--classdrop-surface, #1f2123); --ink: var(--classdrop-ink, #eceae6);
  --ticket-ground: var(--classdrop-ticket, #b83a1e); --ticket-text: var(--classdrop-on-ticket, #ffffff); }
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

.cards { display: grid; grid-template-columns: minmax(0, 1fr); gap: 20px; }
.card { position: relative; max-width: 440px; width: 100%; margin-inline: auto;
  filter: drop-shadow(0 1px 1px rgb(20 22 26 / .08)) drop-shadow(0 10px 24px rgb(20 22 26 / .12));
  min-width: 0; }
.card[data-new] { animation: arrive .32s cubic-bezier(.2, .8, .3, 1); }

/* The ticket: two halves whose corners are bitten off where they meet. */
.upper, .lower { border-radius: 16px; padding: 20px 22px; }
.upper { background: var(--ticket, var(--ticket-ground)); color: var(--ticket-ink, var(--ticket-text)); --ring: currentColor;
  border-end-start-radius: 0; border-end-end-radius: 0; padding-block-end: 22px;
  -webkit-mask: radial-gradient(circle var(--notch) at 0 100%, #0000 97%, #000) 0 0 / 51% 100% no-repeat,
    radial-gradient(circle var(--notch) at 100% 100%, #0000 97%, #000) 100% 0 / 51% 100% no-repeat;
  mask: radial-gradient(circle var(--notch) at 0 100%, #0000 97%, #000) 0 0 / 51% 100% no-repeat,
    radial-gradient(circle var(--notch) at 100% 100%, #0000 97%, #000) 100% 0 / 51% 100% no-repeat; }
.lower { background: var(--surface);
  border-start-start-radius: 0; border-start-end-radius: 0; position: relative;
  -webkit-mask: radial-gradient(circle var(--notch) at 0 0, #0000 97%, #000) 0 0 / 51% 100% no-repeat,
    radial-gradient(circle var(--notch) at 100% 0, #0000 97%, #000) 100% 0 / 51% 100% no-repeat;
  mask: radial-gradient(circle var(--notch) at 0 0, #0000 97%, #000) 0 0 / 51% 100% no-repeat,
    radial-gradient(circle var(--notch) at 100% 0, #0000 97%, #000) 100% 0 / 51% 100% no-repeat; }
.lower::before { content: ""; position: absolute; inset: -1px 20px auto; border-top: 2px dashed var(--line); }

.name { margin: 0; padding-inline-end: 40px; font-size: 15px; font-weight: 600; line-height: 1.4;
  overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
/* As large as it fits: --wide is its width in digits, a digit is .6 em wide. Older browsers go by the screen. */
.value { --inner: min(396px, 100vw - 84px); --size: clamp(20px, calc(var(--inner) / (var(--wide, 4) * .6)), var(--most));
  --most: 64px; display: flex; flex-wrap: wrap; align-items: baseline; column-gap: 4px; margin: 6px 0 2px; line-height: 1.05;
  font-weight: 700; letter-spacing: -.02em; font-variant-numeric: tabular-nums lining-nums; font-size: var(--size); }
.value span { min-width: 0; overflow-wrap: anywhere; }
.value .before { font-size: .48em; }
.value .after { font-size: .42em; letter-spacing: 0; }
.rehearsal { margin: 0 36px 10px 0; padding: 6px 10px; border: 2px dashed currentColor; border-radius: 10px; font-size: 14px; font-weight: 600; line-height: 1.35; }
.card[data-line] .rehearsal { display: none; }
@supports (width: 1cqi) { .upper { container-type: inline-size; } }
.conditions { display: flex; flex-wrap: wrap; gap: 6px; margin: 12px 0 0; padding: 0; list-style: none; }
.conditions li { padding: 1px 9px; border: 1px solid currentColor; border-radius: 14px; font-size: 14px; min-width: 0;
  overflow-wrap: anywhere; }
.artwork { position: absolute; inset-block-start: 58px; inset-inline-end: 22px; width: 84px; height: 84px;
  object-fit: cover; border-radius: 12px; }
.prompt { position: relative; max-width: 440px; width: 100%; margin-inline: auto; }
.dismiss { position: absolute; inset-block-start: 8px; inset-inline-end: 8px; display: grid;
  place-items: center; color: var(--ticket-ink, var(--ticket-text)); --ring: currentColor; }

.details { margin: 0; padding: 0; list-style: none; font-size: 14px; color: var(--soft);
  overflow-wrap: anywhere; }
.fold summary { display: flex; align-items: center; min-height: 44px; margin-block-end: -8px; font-size: 14px;
  color: var(--soft); cursor: pointer; }
.fold summary::before { content: "▸"; margin-inline-end: 6px; }
.fold[open] summary::before { content: "▾"; }
.fold[open] summary { margin-block-end: 0; }
.fold summary::-webkit-details-marker { display: none; }
.message { margin: 14px 0 0; font-size: 16px; overflow-wrap: anywhere; }
.message .who { display: block; font-size: 13px; color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; column-gap: 12px;
  margin: 0; font-size: 14px; color: var(--soft); }
.clock { font-size: 22px; font-weight: 650; color: var(--ink); margin-inline-start: 8px;
  font-variant-numeric: tabular-nums; }
.left { font-variant-numeric: tabular-nums; }
.winners { margin: 8px 0 0; font-size: 14px; color: var(--soft); overflow-wrap: anywhere; }

.main { display: flex; align-items: center; justify-content: center; gap: 8px; width: 100%;
  min-height: 54px; margin-block-start: 12px; padding: 8px 16px; border-radius: 12px; font-size: 18px;
  font-weight: 650; background: var(--accent); color: var(--on-accent); text-decoration: none;
  transition: filter .12s, transform .12s; }
.main:hover { filter: brightness(1.08); }
.main:active { transform: scale(.985); }
.main[aria-disabled="true"] { background: var(--line); color: var(--soft); cursor: default; filter: none;
  transform: none; }
.main[data-busy]::before { content: ""; width: 18px; height: 18px; border-radius: 50%;
  border: 2.5px solid currentColor; border-inline-end-color: transparent; animation: turn .8s linear infinite; }

.task { margin-block-start: 12px; }
.task-head { display: flex; align-items: center; gap: 14px; }
.task-words { min-width: 0; overflow-wrap: anywhere; }
.task-title { margin: 0; font-weight: 650; line-height: 1.4; }
.ring { flex: none; width: 60px; height: 60px; border-radius: 50%; display: grid; place-items: center;
  background: radial-gradient(closest-side, var(--surface) 80%, #0000 82%),
    conic-gradient(var(--accent) calc(var(--done, 0) * 1turn), var(--line) 0); }
.task-figure { font-size: 15px; font-weight: 650; font-variant-numeric: tabular-nums; }
.options { display: grid; gap: 8px; margin-block-start: 12px; }
.options button:not(.main) { min-height: 48px; padding: 8px 14px; border: 1.5px solid var(--line); border-radius: 12px;
  text-align: start; font-weight: 600; overflow-wrap: anywhere; }
.options .main { margin: 0; }
.options button:not(.main):hover { border-color: var(--accent); }
.invite-link { display: block; padding: 10px 12px; border: 1.5px dashed var(--line); border-radius: 12px;
  font-size: 14px; word-break: break-all; user-select: all; }
.invite-acts { display: flex; flex-wrap: wrap; gap: 8px; }
.invite-acts .main { flex: 1 1 160px; }
.invite-acts button:not(.main) { text-align: center; flex: 0 1 auto; }
.card[data-line] .task, .card[data-quiet] .task { display: none; }

.result { margin-block-start: 12px; }
.headline { margin: 0; font-size: 17px; font-weight: 650; line-height: 1.4; }
.headline:focus { outline: none; }
.headline[data-good] { font-size: 21px; font-weight: 700; color: var(--accent); }
.headline[data-good]::before { content: ""; display: inline-block; width: .5em; height: .85em;
  margin-inline: .12em .5em; border: solid currentColor; border-width: 0 .17em .17em 0;
  transform: rotate(42deg) translateY(-.1em); animation: tick .4s ease-out; }
.note, .task-note { margin: 2px 0 0; font-size: 15px; color: var(--soft); }
.won { display: grid; gap: 10px; margin-block-start: 10px; }
.code { display: flex; align-items: center; gap: 8px; padding-inline-start: 14px; border-radius: 12px;
  border: 1.5px dashed var(--line); }
.code code { flex: 1; min-width: 0; padding-block: 12px; font: 600 17px/1.3 ui-monospace, "SF Mono", Menlo,
  Consolas, monospace; letter-spacing: .04em; overflow-wrap: anywhere; user-select: all; }
.code button { display: flex; align-items: center; gap: 6px; padding: 0 14px; font-weight: 600;
  color: var(--accent); white-space: nowrap; }
.won .main { margin-block-start: 0; }

.card[data-quiet] { --ticket: color-mix(in srgb, var(--ink) 68%, var(--surface)); --ticket-ink: var(--surface); }
.card[data-quiet] .value { --most: 40px; }
.card[data-quiet] .message, .card[data-quiet] .fold, .card[data-quiet] .conditions { display: none; }
.card[data-quiet] .result { margin-block-start: 0; }

/* Nothing to do here: one line. */
.card[data-line] { display: flex; align-items: center; gap: 10px; min-height: 48px; padding: 2px 48px 2px 14px;
  background: var(--surface); border: 1px solid var(--line); border-radius: 12px; filter: none; }
.card[data-line] + .card[data-line] { margin-block-start: -12px; }
.card[data-line] .upper, .card[data-line] .lower { padding: 0; background: none; color: var(--soft); -webkit-mask: none; mask: none; }
.card[data-line] .upper { container-type: normal; display: flex; flex: 1 1 0; align-items: baseline; gap: 8px; min-width: 0; }
.card[data-line] .lower { flex: 0 1 auto; max-width: 60%; }
.card[data-line] .lower::before, .card[data-line] .artwork, .card[data-line] .conditions, .card[data-line] .figures,
.card[data-line] .note, .card[data-line] .message, .card[data-line] .fold, .card[data-line] .main { display: none; }
.card[data-line] .name { flex: 1 1 0; min-width: 0; padding: 0; font-weight: 500; font-size: 14px; -webkit-line-clamp: 1; }
.card[data-line] .value { --size: 16px; flex: 0 1 auto; flex-wrap: nowrap; max-width: 60%; margin: 0; overflow: hidden; }
.card[data-line] .value span { font-size: inherit; white-space: nowrap; }
.card[data-line] .result { margin: 0; }
.card[data-line] .headline { font-size: 14px; font-weight: 550; overflow-wrap: anywhere; }
.card[data-line]:is([data-why], [data-winners]) { flex-wrap: wrap; row-gap: 2px; padding-block: 12px; }
.card[data-line]:is([data-why], [data-winners]) .lower { flex: 1 1 100%; max-width: 100%; }
.card[data-line][data-why] .note { display: block; font-size: 14px; }
.card[data-line] .dismiss { inset-block: 0; inset-inline-end: 0; margin-block: auto; height: 44px; color: var(--soft); --ring: var(--accent); }

.claim-bar { position: fixed; z-index: 4; inset: auto 0 0; display: flex; align-items: center; gap: 16px;
  padding: 10px max(16px, env(safe-area-inset-right)) calc(10px + env(safe-area-inset-bottom)) max(16px, env(safe-area-inset-left));
  background: var(--surface); border-top: 1px solid var(--line); box-shadow: 0 -6px 20px rgb(20 22 26 / .12); }
.claim-bar .bar-value { flex: 0 1 auto; max-width: 45%; max-height: 2.8em; overflow: hidden; font-size: 18px; line-height: 1.4; font-weight: 700;
  color: var(--accent); overflow-wrap: anywhere; }
.claim-bar .main { flex: 1; margin: 0; max-width: 440px; margin-inline-start: auto; }

/* A phone held sideways: the two halves of a card side by side. In a frame the height says nothing. */
@media (max-height: 480px) and (min-width: 560px) {
  :host(:not([compact])) .card:not([data-line]) { display: grid; grid-template-columns: 1fr 1fr; max-width: 720px; }
  :host(:not([compact])) .card:not([data-line]) .upper { border-radius: 16px 0 0 16px; -webkit-mask: none; mask: none; padding-block: 14px; }
  :host(:not([compact])) .card:not([data-line]) .lower { border-radius: 0 16px 16px 0; -webkit-mask: none; mask: none; padding: 14px 52px 14px 22px; }
  :host(:not([compact])) .card:not([data-line]) .lower::before { inset: 14px auto 14px -1px; border-top: 0; border-inline-start: 2px dashed var(--line); }
  :host(:not([compact])) .card:not([data-line]) .value { --inner: min(300px, 50vw - 84px); }
  :host(:not([compact])) .card:not([data-line]) .dismiss { color: var(--soft); --ring: var(--accent); }
  :host(:not([compact])) .artwork { inset-block: auto 14px; width: 64px; height: 64px; }
}
@supports (width: 1cqi) { .card .value { --inner: 100cqi !important; } }

.tray { display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; }
.tray:not(:empty) { margin-block-start: 16px; }
.chip { display: inline-flex; align-items: center; gap: 8px; padding: 0 16px; border-radius: 99px;
  background: var(--surface); color: var(--accent); font-weight: 650; font-variant-numeric: tabular-nums;
  box-shadow: 0 1px 2px rgb(20 22 26 / .12), 0 4px 12px rgb(20 22 26 / .12); }

:host([compact]) .card { max-width: 340px; }
:host([compact]) .upper, :host([compact]) .lower { padding: 14px 18px; }
:host([compact]) .value { --most: 46px; }
:host([compact]) .main { min-height: 48px; font-size: 17px; }

@keyframes arrive { from { opacity: 0; transform: translateY(14px) scale(.97); } }
@keyframes turn { to { transform: rotate(1turn); } }
@keyframes tick { from { opacity: 0; transform: rotate(42deg) translateY(-.1em) scale(.3); } }
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; }
  .main[data-busy]::before { border-style: dotted; border-color: currentColor; }
}
@media (forced-colors: active) {
  .upper, .lower, .main, .chip, .ring { border: 1px solid; mask: none; }
}
`;

/** @type {CSSStyleSheet|undefined} */
let sheet;

/**
 * Add the stylesheet to a shadow root. Safari before 16.4 lacks constructable stylesheets: there it is a style
 * element, whose hash the content security policy must have (that of our pages has it).
 * @param {ShadowRoot} root
 */
export function dress(root) {
  if (!("adoptedStyleSheets" in Document.prototype)) {
    const element = document.createElement("style");
    element.textContent = css;
    root.append(element);
    return;
  }
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  root.adoptedStyleSheets = [sheet];
}

/**
 * Return a school's colour for the ticket's upper half, with the text colour (black or white) that has more
 * contrast on it. Null where the text is not a colour that we can measure.
 * @param {string|undefined|null} colour `#rrggbb`
 * @returns {{ticket: string, ink: string}|null}
 */
export function ticketColours(colour) {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour ?? "");
  if (!found) return null;
  const [r, g, b] = found.slice(1).map((pair) => linear(parseInt(pair, 16) / 255));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  // White and black have equal contrast where (1.05)/(L+.05) = (L+.05)/(.05).
  return { ticket: colour ?? "", ink: light > 0.179 ? "#16181a" : "#ffffff" };
}

/** @param {number} part sRGB 0..1 */
function linear(part) {
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}
