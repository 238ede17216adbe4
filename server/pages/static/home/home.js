// @ts-check
/** What this service is and where to begin, and the page for an address that leads nowhere. */

import { Language } from "../shared/language.js";

new Language().switchWith(/** @type {HTMLElement} */ (document.getElementById("language")));
