// @ts-check
/**
 * A list of rows by cursor: filters that stand in the address, "more", what an empty list would show, and CSV of
 * the rows that are listed.
 */

import { fill, h, setText, show } from "/sdk/element/dom.js";
import { addressOf } from "./address.js";
import { csvText, saveFile } from "./csv.js";
import { trouble } from "./trouble.js";

/** @import { Child } from "/sdk/element/dom.js" */
/** @import { Host, OfficeView } from "./host.js" */

/**
 * `value` is what the CSV holds; `show` what the table shows, if that is something else.
 *
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: T) => unknown} value
 * @property {(row: T) => Child} [show]
 * @property {boolean} [isNumber]
 */

/**
 * `choices`: the values of a filter that is chosen.
 *
 * @typedef {{name: string, label: string, type?: "text"|"date", choices?: readonly (readonly [string, string])[]}} Filter
 */

/**
 * `load` gets the cursor and the filters of the address. `link` is the id whose page the row's first cell opens.
 *
 * @template T
 * @typedef {object} ListOptions
 * @property {string} caption
 * @property {readonly Column<T>[]} columns
 * @property {(after: string|undefined, filters: Record<string, string>) => Promise<{rows: T[], next: string|null}>} load
 * @property {(row: T) => string} [link]
 * @property {readonly Filter[]} [filters]
 * @property {Child} [empty] an example of what would stand here
 */

/** @template T @param {Host} host @param {OfficeView} view @param {ListOptions<T>} options @returns {HTMLElement} */
export function list(host, view, options) {
  const { language } = host;
  /** @type {T[]} */
  const rows = [];
  /** @type {string|undefined} */
  let after;
  const body = h("tbody");
  const empty = h(
    "div",
    { class: "office-empty", hidden: true },
    options.empty || language.say("office_empty"),
  );
  const problem = h("div");
  const counted = h("p", { class: "hint", role: "status" });
  const more = h(
    "button",
    { class: "plain-button", type: "button", hidden: true, onclick: () => void read() },
    language.say("office_more"),
  );
  const save = h(
    "button",
    { class: "plain-button", type: "button", hidden: true, onclick: saveCsv },
    language.say("office_csv"),
  );
  const table = h(
    "table",
    null,
    h("caption", { class: "spoken" }, options.caption),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        ...options.columns.map((column) =>
          h("th", { scope: "col", class: column.isNumber && "number" }, column.title),
        ),
      ),
    ),
    body,
  );

  async function read() {
    more.disabled = true;
    part.setAttribute("aria-busy", "true");
    try {
      const page = await options.load(after, view.filters);
      rows.push(...page.rows);
      body.append(...page.rows.map((row) => line(view, options, row)));
      after = page.next ?? undefined;
      show(more, page.next !== null);
      fill(problem);
      show(empty, rows.length === 0);
      show(table, rows.length > 0);
      show(save, rows.length > 0);
      setText(
        counted,
        rows.length
          ? language.say(page.next ? "office_rows_more" : "office_rows", { n: rows.length })
          : "",
      );
    } catch (fault) {
      fill(problem, trouble(host, fault));
      show(more, true);
    }
    more.disabled = false;
    part.removeAttribute("aria-busy");
  }

  function saveCsv() {
    const titles = options.columns.map((column) => column.title);
    saveFile(
      `${view.page}.csv`,
      csvText([titles, ...rows.map((row) => options.columns.map((column) => column.value(row)))]),
    );
  }

  show(table, false);
  const part = h(
    "section",
    { class: "office-list" },
    options.filters && filterForm(host, view, options.filters),
    h(
      "div",
      { class: "office-scroll", tabindex: "0", role: "region", "aria-label": options.caption },
      table,
    ),
    empty,
    problem,
    h("div", { class: "office-row" }, counted, more, save),
  );
  void read();
  return part;
}

/** @template T @param {OfficeView} view @param {ListOptions<T>} options @param {T} row */
function line(view, options, row) {
  const cells = options.columns.map((column, index) => {
    const shown = column.show ? column.show(row) : String(column.value(row) ?? "");
    const isLink = index === 0 && options.link;
    const content = isLink
      ? h("a", { href: addressOf({ page: view.page, id: isLink(row) }) }, shown)
      : shown;
    return h("td", { class: column.isNumber && "number" }, content);
  });
  return h("tr", null, ...cells);
}

/** @param {Host} host @param {OfficeView} view @param {readonly Filter[]} filters */
function filterForm(host, view, filters) {
  const fields = filters.map(({ name, label, type = "text", choices }) => {
    const now = view.filters[name] ?? "";
    if (!choices)
      return h(
        "label",
        { class: "field" },
        label,
        h("input", { name, type, value: now, maxlength: 200 }),
      );
    const options = choices.map(([value, text]) =>
      h("option", { value, selected: value === now }, text),
    );
    // not inside the label, whose text would be that of all choices
    const id = `filter-${name}`;
    return h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      h("select", { name, id }, ...options),
    );
  });
  const form = h(
    "form",
    { class: "office-filters" },
    ...fields,
    h("button", { class: "plain-button", type: "submit" }, host.language.say("office_filter")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = Object.fromEntries(
      [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]),
    );
    host.go({ ...view, filters: { ...view.filters, ...chosen } });
  });
  return form;
}
