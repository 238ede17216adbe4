// @ts-check
/**
 * The office's shell: who may enter, the navigation, and the page of the address. Entry module. A page's module is
 * loaded when it is opened (`pages.js`); the shell knows none of them.
 */

import { OfficeApi } from "/sdk/office_api.js";
import { fill, h } from "/sdk/element/dom.js";
import { admit, expiryNotice, once } from "../shared/access.js";
import { Language } from "../shared/language.js";
import { claimsOf } from "../shared/token.js";
import { addressOf, viewOf } from "./shared/address.js";
import { officeMessages } from "./messages-office.js";
import { pagesOf } from "./pages.js";
import { schoolZone } from "./shared/school-time.js";
import { trouble } from "./shared/trouble.js";

/** @import { Host } from "./shared/host.js" */
/** @import { OfficePage } from "./pages.js" */

const GROUPS = /** @type {const} */ (["live", "promotions", "people", "money", "system"]);

class Office {
  /** @param {string} token @param {Language} language */
  constructor(token, language) {
    const { role = "" } = claimsOf(token);
    this._pages = pagesOf(role);
    /** Raised with each opening, so that a slow page does not replace a later one. */
    this._openings = 0;
    /** @type {Host} */
    this._host = {
      api: new OfficeApi({ url: location.origin, getToken: once(token, expiryNotice(language)) }),
      language,
      role,
      mayWrite: role === "operator",
      go: (view) => {
        const address = addressOf(view);
        if (address === location.hash) void this._open();
        else location.hash = address;
      },
      refresh: () => void this._open(),
    };
  }

  start() {
    addEventListener("hashchange", () => {
      if (location.hash !== "" && !location.hash.startsWith("#/")) return;
      findText().value = ""; // what was looked for is of the view that was left
      void this._open();
    });
    this._host.language.addEventListener("change", () => void this._open());
    element("find").addEventListener("submit", (event) => {
      event.preventDefault();
      const q = findText().value.trim();
      if (q) this._host.go({ page: "find", filters: { q } });
    });
    void this._open();
  }

  async _open() {
    const opening = ++this._openings;
    const { language } = this._host;
    const view = viewOf(location.hash);
    findText().placeholder = language.say("office_find");
    if (view.page === "find" && view.filters.q) findText().value = view.filters.q;
    const page = view.page ? this._pages.find(({ name }) => name === view.page) : this._pages[0];
    this._showNav(page);
    const main = element("main");
    if (!page) return fill(main, h("p", { class: "hint" }, language.say("office_no_page")));
    main.setAttribute("aria-busy", "true");
    const content = await this._contentOf(page, { ...view, page: page.name });
    if (opening !== this._openings) return;
    main.removeAttribute("aria-busy");
    const title = titleOf(page, language);
    document.title = `${title} · Classdrop`;
    fill(main, h("h2", { class: "office-title" }, title), content);
  }

  /** @param {OfficePage} page @param {import("./shared/host.js").OfficeView} view */
  async _contentOf(page, view) {
    try {
      const { open } = await page.load();
      return await open(this._host, view);
    } catch (fault) {
      return trouble(this._host, fault);
    }
  }

  /** @param {OfficePage|undefined} current */
  _showNav(current) {
    const { language } = this._host;
    const nav = element("nav");
    const zone = schoolZone();
    nav.setAttribute("aria-label", language.say("office_title"));
    const groups = GROUPS.map((group) => [
      group,
      this._pages.filter((page) => page.group === group),
    ]);
    const shown = /** @type {[string, OfficePage[]][]} */ (groups).filter(
      ([, pages]) => pages.length,
    );
    fill(
      nav,
      ...shown.map(([group, pages]) =>
        h(
          "div",
          { class: "office-group" },
          h("p", { class: "hint", id: `group-${group}` }, language.say(`office_group_${group}`)),
          h(
            "ul",
            { "aria-labelledby": `group-${group}` },
            ...pages.map((page) => h("li", null, linkTo(page, current, language))),
          ),
        ),
      ),
      zone &&
        h(
          "div",
          { class: "office-group" },
          h("p", { class: "hint" }, language.say("office_zone", { zone })),
        ),
    );
    bringInView(nav);
  }
}

/** On a phone the navigation is one line that scrolls, and the page itself must not. @param {HTMLElement} nav */
function bringInView(nav) {
  const current = /** @type {HTMLElement|null} */ (nav.querySelector("[aria-current]"));
  if (!current) return;
  const before = current.getBoundingClientRect().left - nav.getBoundingClientRect().left;
  nav.scrollLeft += before - (nav.clientWidth - current.offsetWidth) / 2;
}

/** @param {OfficePage} page @param {OfficePage|undefined} current @param {Language} language */
const linkTo = (page, current, language) =>
  h(
    "a",
    { href: addressOf({ page: page.name }), "aria-current": page === current && "page" },
    titleOf(page, language),
  );

/** @param {OfficePage} page @param {Language} language */
const titleOf = (page, language) => page.title[language.current === "zh" ? 0 : 1];

const findText = () => /** @type {HTMLInputElement} */ (element("find-text"));

/** @param {string} id @returns {HTMLElement} */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const language = new Language(officeMessages);
language.switchWith(/** @type {HTMLButtonElement} */ (element("language")));
element("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the fragment is the view's address
  element("main").focus();
});
const token = admit("office", ["operator", "finance", "support"], language);
if (token) new Office(token, language).start();
