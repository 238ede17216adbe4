// @ts-check
/**
 * The button of the console that makes a link for the projector. The new tab gets a token that can
 * only look, and nothing of the teacher's. The console imports it after it is there.
 */

import { errorText } from "/sdk/index.js";
import { fill, h, setText } from "/sdk/element/dom.js";
import { asApiError } from "../shared/api-errors.js";

/** @typedef {import("../shared/language.js").Language} Language */

/**
 * Put the button before the switch of the language. The language must have the messages of draws.
 * @param {import("/sdk/api.js").Api} api @param {string} room @param {Language} language
 */
export function addScreenButton(api, room, language) {
  const say = language.say.bind(language);
  const button = h("button", { type: "button", class: "quiet", id: "screen" });
  const dialog = h("dialog", { "aria-labelledby": "screen-text" });
  const close = () => dialog.close();
  const translate = () => setText(button, say("screen"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const { token } = await api.makeScreen(room);
      const href = `${location.origin}/screen/${encodeURIComponent(room)}#token=${token}`;
      fill(dialog, h("p", { id: "screen-text" }, say("screen_hint")), answers(href, say, close));
    } catch (error) {
      const { code, facts } = asApiError(error);
      fill(
        dialog,
        h("p", { id: "screen-text", role: "alert" }, errorText(code, language.current, facts)),
        h("div", { class: "answers" }, plain(say("screen_close"), close)),
      );
    }
    button.disabled = false;
    dialog.showModal();
  });
  language.addEventListener("change", translate);
  translate();
  document.getElementById("language")?.before(button);
  document.body.append(dialog);
}

/** @param {string} href @param {Language["say"]} say @param {() => void} close */
function answers(href, say, close) {
  const open = h("a", { class: "plain-button", href, target: "_blank", rel: "noopener" });
  setText(open, say("screen_open"));
  open.addEventListener("click", close);
  const copy = plain(say("screen_copy"), async () => {
    await navigator.clipboard?.writeText(href);
    setText(copy, say("screen_copied"));
  });
  return h("div", { class: "answers" }, plain(say("screen_close"), close), copy, open);
}

/** @param {string} text @param {() => void} act */
const plain = (text, act) =>
  h("button", { type: "button", class: "plain-button", onclick: act }, text);
