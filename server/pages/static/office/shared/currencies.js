// @ts-check
/** The currencies to choose from: those of the school's newest templates first, then the usual ones, then all. */

/** @import { Host } from "./host.js" */

const USUAL = ["CNY", "HKD", "TWD", "USD", "EUR", "SGD", "JPY", "KRW", "GBP", "AUD"];

/** @param {Host} host @returns {Promise<[value: string, text: string][]>} the first is the one to propose */
export async function currencyChoices({ api, language }) {
  const { templates } = await api.listTemplates({ limit: 50 });
  return choicesOf(
    templates.map(({ currency }) => currency),
    language.current,
  );
}

/** @param {readonly string[]} used @param {"zh"|"en"} language @returns {[string, string][]} */
export function choicesOf(used, language) {
  // Older browsers know no list of all currencies.
  const intl = /** @type {{supportedValuesOf?: (key: string) => string[]}} */ (Intl);
  const all = new Set([...used, ...USUAL, ...(intl.supportedValuesOf?.("currency") ?? [])]);
  const names = new Intl.DisplayNames(language === "zh" ? "zh-CN" : "en", { type: "currency" });
  return [...all].map((code) => [code, `${code} ${names.of(code) ?? ""}`.trim()]);
}
