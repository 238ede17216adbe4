// @ts-check
/** The page of refusals: puts the SDK's words, Chinese and English, into the last column. */

import { TEXTS } from "/sdk/text_tables.js";

for (const cell of document.querySelectorAll("[data-code]")) {
  const [zh, en] = TEXTS.error[/** @type {HTMLElement} */ (cell).dataset.code ?? ""] ?? [];
  for (const [language, text] of [
    ["zh-CN", zh],
    ["en", en],
  ]) {
    const line = document.createElement("p");
    line.lang = String(language);
    line.textContent = text ?? "—";
    cell.append(line);
  }
}
