// @ts-check
/** One coupon of the wallet's page: what it is worth, its rules in words, its QR code and its last day. */

import { couponText } from "/sdk/texts.js";
import { fill, h } from "/sdk/element/dom.js";
import { useHref } from "/sdk/element/use-link.js";
import { conditions, dateText, scopeText, shortValue } from "/sdk/element/value.js";
import { reasonText } from "../shop/discount-text.js";
import { calendarFile } from "./calendar.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").WalletCoupon} WalletCoupon */
/** @typedef {import("../shop/shop-api.js").Unusable} Unusable */

/** A coupon that is valid from its claim is not called a later one because the clocks differ. */
const CLOCK_IS_KNOWN_TO_MS = 2_000;

/**
 * What a row is told from outside. `nameOf`: the course's name, or its id where it is not known.
 * `missing`: what the student's cart lacks for this coupon. `fits`: it works with that cart.
 *
 * @typedef {object} RowFacts
 * @property {Language} language
 * @property {() => number} now server time, ms
 * @property {(id: string) => string} nameOf
 * @property {Unusable|undefined} missing
 * @property {boolean} fits
 * @property {(id: string) => Promise<string>} fetchQr
 * @property {(href: string, click: Event) => void} use
 */

/** @param {WalletCoupon} coupon @param {RowFacts} facts */
export function couponRow(coupon, facts) {
  const { language } = facts;
  const { discount, currency } = coupon.template;
  const isOpen = coupon.state === "usable" || coupon.state === "locked";
  return h(
    "li",
    { class: "coupon", "data-state": isOpen ? "usable" : "over", "data-coupon": coupon.id },
    h("div", { class: "worth" }, shortValue(discount, currency, language.current)),
    h(
      "div",
      { class: "facts" },
      h("strong", null, coupon.name),
      h("span", { class: "state" }, stateText(coupon, facts)),
      isOpen && h("span", { class: "rule" }, ruleText(coupon, facts)),
      h("span", { class: "cart", "data-fits": String(facts.fits) }, cartText(facts, currency)),
      h("code", null, coupon.code),
      isOpen && details(coupon, facts),
    ),
  );
}

/** @param {WalletCoupon} coupon @param {RowFacts} facts */
function stateText({ state, use_by, valid_from, locked_until, redeemed_at }, { language, now }) {
  const { current } = language;
  if (state === "usable" && Date.parse(valid_from) > now() + CLOCK_IS_KNOWN_TO_MS)
    return language.say("from_at", { at: dateText(valid_from, current) });
  if (state === "usable") return language.say("use_by", { at: dateText(use_by, current) });
  const at = state === "locked" ? locked_until : state === "redeemed" ? redeemed_at : undefined;
  return at
    ? couponText(state, current, { at: dateText(at, current) })
    : language.say(`coupon_${state}`);
}

/** Return the rules in one line, with the courses by name. @param {WalletCoupon} coupon @param {RowFacts} facts */
function ruleText({ template }, { language, nameOf }) {
  const { discount, threshold, currency, scope } = template;
  const named = { ...scope, courses: (scope?.courses ?? []).map(nameOf) };
  return [
    ...conditions(discount, threshold, currency, language.current),
    scopeText(named, language.current),
  ].join(" · ");
}

/** @param {RowFacts} facts @param {string} currency */
function cartText({ language, missing, fits }, currency) {
  if (fits) return language.say("fits");
  return missing ? reasonText(missing, currency, language) : "";
}

/** @param {WalletCoupon} coupon @param {RowFacts} facts */
function details(coupon, facts) {
  const { language } = facts;
  const code = h("div", { class: "qr" });
  const box = h(
    "details",
    null,
    h("summary", null, language.say("details")),
    code,
    coupon.template.description && h("p", { class: "about" }, coupon.template.description),
    h("div", { class: "deeds" }, useLink(coupon, facts), calendarLink(coupon, facts)),
  );
  box.addEventListener("toggle", () => {
    if (!box.hasAttribute("open") || code.hasChildNodes()) return;
    void showQr(code, coupon, facts);
  });
  return box;
}

/** @param {Element} place @param {WalletCoupon} coupon @param {RowFacts} facts */
async function showQr(place, { id, code }, { language, fetchQr }) {
  try {
    const svg = await fetchQr(id);
    const src = `data:image/svg+xml;base64,${btoa(svg)}`;
    const alt = language.say("qr_of", { code });
    const image = h("img", { src, alt, width: "200", height: "200" });
    fill(place, image, h("span", { class: "hint" }, language.say("qr_hint")));
  } catch {
    fill(place, h("span", { class: "hint" }, language.say("qr_missing")));
  }
}

/** @param {WalletCoupon} coupon @param {RowFacts} facts */
function useLink({ template, code, state }, { language, use }) {
  if (state !== "usable") return null;
  const { use_url } = /** @type {{use_url?: string}} */ (template);
  const href = useHref(use_url, code, location.origin);
  const link = h("a", { href, target: "_blank", rel: "noopener" }, language.say("use_now"));
  link.addEventListener("click", (click) => use(href, click));
  return link;
}

/** @param {WalletCoupon} coupon @param {RowFacts} facts */
function calendarLink({ id, code, name, use_by }, { language, now }) {
  const title = language.say("calendar_title", { name });
  const url = `${location.origin}/wallet`;
  const file = calendarFile({ id, use_by, code, title, url, now: now() });
  const href = `data:text/calendar;charset=utf-8,${encodeURIComponent(file)}`;
  return h("a", { href, download: `${code}.ics` }, language.say("calendar"));
}
