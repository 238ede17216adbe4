// @ts-check
/** What the page of a lottery says of it: the odds, the rules, its state, the fingerprints of its days. */

import { h } from "/sdk/element/dom.js";
import { conditions, dateText, shortValue, validityText } from "/sdk/element/value.js";

/** @typedef {import("../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").Lottery} Lottery */
/** @typedef {import("/sdk/shapes.js").Prize} Prize */

/**
 * "0.5 %": parts of a million, exactly.
 * @param {number} ppm @param {Language} language
 */
export function oddsText(ppm, language) {
  const format = new Intl.NumberFormat(language.current === "zh" ? "zh-CN" : "en", {
    maximumFractionDigits: 4,
  });
  return `${format.format(ppm / 10_000)}%`;
}

/** @param {Prize} prize @param {Language} language */
export function prizeName(prize, language) {
  if (prize.name) return prize.name;
  return prize.batch_id === null ? language.say("nothing_prize") : worthOf(prize, language);
}

/** @param {Prize} prize @param {Language} language */
export function worthOf(prize, language) {
  const { discount, currency } = /** @type {any} */ (prize.template ?? {});
  return discount ? shortValue(discount, currency, language.current) : "";
}

/** @param {Prize} prize @param {Language} language */
export function oddsRow(prize, language) {
  return h(
    "tr",
    null,
    h(
      "th",
      { scope: "row" },
      h("strong", null, prizeName(prize, language)),
      ...prizeFacts(prize, language).map((text) => h("span", { class: "hint" }, text)),
      !prize.left && h("span", { class: "gone" }, language.say("gone")),
    ),
    h("td", null, oddsText(prize.ppm, language)),
  );
}

/** @param {Prize} prize @param {Language} language @returns {string[]} */
function prizeFacts(prize, language) {
  const { discount, threshold, currency, deducts, validity } = /** @type {any} */ (
    prize.template ?? {}
  );
  const what = discount
    ? [
        [
          worthOf(prize, language),
          ...conditions(discount, threshold, currency, language.current, deducts),
        ].join(" · "),
        validityText(validity, language.current),
      ]
    : [];
  const counts = [
    prize.quantity && language.say("of_quantity", { n: prize.quantity }),
    prize.per_day && language.say("of_day", { n: prize.per_day }),
  ];
  return [...what, counts.filter(Boolean).join(" · ")].filter(Boolean);
}

/** @param {Lottery} lottery @param {Language} language */
export function stateText(lottery, language) {
  if (lottery.state !== "active") return language.say(`state_${lottery.state}`);
  const { from, until } = lottery.window ?? {};
  if (!lottery.open && from && Date.parse(from) > Date.now())
    return language.say("opens_at", { at: dateText(from, language.current) });
  if (!lottery.open) return language.say("state_ended");
  return until
    ? language.say("open_until", { at: dateText(until, language.current) })
    : language.say("open_now");
}

/** @param {Lottery} lottery @param {Language} language */
export function limitsText({ chances, win_limit }, language) {
  const spins = chances.per_day
    ? language.say("limits_day", { n: chances.per_student, day: chances.per_day })
    : language.say("limits", { n: chances.per_student });
  if (!win_limit) return spins;
  const wins = language.say("limit_wins", { n: win_limit.count, days: win_limit.days });
  return `${spins} · ${wins}`;
}

/** @param {Lottery} lottery @param {Language} language @returns {HTMLElement[]} */
export function seedNodes({ days }, language) {
  return days.flatMap(({ day, commitment, seed }) => [
    h("dt", null, language.say("seed_of", { day })),
    h("dd", null, commitment),
    ...(seed ? [h("dt", null, language.say("seed_shown", { day })), h("dd", null, seed)] : []),
  ]);
}
