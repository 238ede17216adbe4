// @ts-check
/**
 * The note of checkout and orders while there is no network: it says that the page shows an earlier
 * moment.
 */

import { h, setText, show } from "/sdk/element/dom.js";
import { clockText } from "/sdk/element/value.js";

/**
 * @param {import("./language.js").Language} language
 * @param {() => void} onReturn called when the network is back and the page may be out of date
 */
export function showWhenOffline(language, onReturn) {
  const note = h("p", { class: "trouble", id: "offline", role: "status" });
  document.querySelector("main")?.prepend(note);
  let since = navigator.onLine ? 0 : Date.now();
  const say = () => {
    show(note, since > 0);
    setText(note, language.say("offline_shop", { at: clockText(since) }));
  };
  addEventListener("offline", () => {
    since ||= Date.now();
    say();
  });
  addEventListener("online", () => {
    since = 0;
    say();
    onReturn();
  });
  language.addEventListener("change", say);
  say();
}
