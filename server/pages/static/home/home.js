// @ts-check
/** The start page, which says what this service is, and the page for an unknown address. */

import { Language } from "../shared/language.js";

new Language().switchWith(/** @type {HTMLElement} */ (document.getElementById("language")));
