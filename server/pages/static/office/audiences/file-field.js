// @ts-check
/**
 * A file of students as a field of a form. It is uploaded when it is chosen, and what was found in it is said: good
 * rows, duplicates, and each bad row with its reason. The field's value is the id of the import.
 */

import { fill, h } from "/sdk/element/dom.js";
import { csvRows } from "../shared/csv.js";
import { trouble } from "../shared/trouble.js";

/** @import { Import } from "/sdk/shapes.js" */
/** @import { OwnField } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const SHOWN_ROWS = 20;

/** @param {Host} host @returns {OwnField} */
export function fileField(host) {
  const { api, language } = host;
  let id = "";
  const found = h("div", { role: "status", class: "stack" });
  const input = h("input", { type: "file", accept: ".csv,.xlsx,.txt,text/csv" });
  input.addEventListener("change", async () => {
    id = "";
    const file = input.files?.[0];
    if (!file) return fill(found);
    fill(found, h("p", { class: "hint" }, language.say("file_reading")));
    try {
      const mediaType = file.name.endsWith(".xlsx") ? XLSX : "text/csv";
      const read = await api.createImport(file, { mediaType });
      id = read.id;
      fill(found, ...summary(host, read));
    } catch (fault) {
      fill(found, trouble(host, fault));
    }
  });
  const node = h(
    "div",
    { class: "field" },
    h("label", { class: "field" }, language.say("file_label"), input),
    h("p", { class: "hint" }, language.say("file_hint")),
    found,
  );
  return { node, input, read: () => id };
}

/** @param {Host} host @param {Import} read */
function summary({ language }, read) {
  const { good, duplicates, bad_total: bad } = read;
  const rows = read.bad
    .slice(0, SHOWN_ROWS)
    .map(({ row, column, code }) =>
      h("li", null, language.say("file_bad_row", { row, column, code })),
    );
  return [
    h("p", null, language.say("file_found", { good, duplicates, bad })),
    rows.length > 0 && h("ul", { class: "hint" }, ...rows),
  ];
}

/**
 * The students of an import: its good rows, each once.
 * @param {Host} host @param {string} id @returns {Promise<string[]>}
 */
export async function studentsOf({ api }, id) {
  const text = /** @type {string} */ (await api.importResult(id, { format: "csv" }));
  return goodStudents(text);
}

/** The ids of the rows that are neither bad nor duplicates. @param {string} csv `row,student,note,outcome,detail` */
export function goodStudents(csv) {
  const [head, ...rows] = csvRows(csv);
  const [student, outcome] = ["student", "outcome"].map((name) => head.indexOf(name));
  return rows
    .filter((row) => !["bad", "duplicate"].includes(row[outcome]))
    .map((row) => row[student].replace(/^'/, "")); // a quote stands before what would be a formula
}
