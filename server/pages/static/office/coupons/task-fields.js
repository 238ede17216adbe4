// @ts-check
/** The task of a link, which a student does before a claim counts. Nobody watches a link, so that kind is not here. */

/** @import { TaskForm } from "/sdk/shapes.js" */
/** @import { Field } from "../shared/form-field.js" */
/** @import { Host } from "../shared/host.js" */
/** @typedef {Record<string, string>} Values */

const KINDS = ["", "answer", "sign_in", "invite", "event"];

/** @param {Host} host @returns {Field[]} */
export function taskFields({ language }) {
  const label = (/** @type {string} */ key) => language.say(`task_field_${key}`);
  const of = (/** @type {string} */ kind) => (/** @type {Values} */ values) =>
    values["task.kind"] === kind;
  return [
    {
      name: "task.kind",
      label: label("kind"),
      type: "select",
      choices: KINDS.map((kind) => [kind, label(kind || "none")]),
    },
    {
      name: "task.question",
      label: label("question"),
      isRequired: true,
      isShown: of("answer"),
      max: 200,
    },
    {
      name: "task.options",
      label: label("options"),
      hint: label("options_hint"),
      type: "textarea",
      isRequired: true,
      isShown: of("answer"),
    },
    {
      name: "task.count",
      label: label("count"),
      type: "number",
      isRequired: true,
      isShown: of("invite"),
    },
    { name: "task.type", label: label("type"), isRequired: true, isShown: of("event") },
  ];
}

/** The right option has a star before it; without one it is the first.
 * @param {Values} values @returns {TaskForm|undefined} */
export function taskOf(values) {
  const kind = values["task.kind"];
  const options = (values["task.options"] ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const right = options.findIndex((option) => option.startsWith("*"));
  if (kind === "answer")
    return {
      kind,
      question: values["task.question"],
      options: options.map((option) => option.replace(/^\*\s*/, "")),
      right: Math.max(0, right),
    };
  if (kind === "invite") return { kind, count: Number(values["task.count"]) };
  if (kind === "event") return { kind, type: values["task.type"] };
  return kind === "sign_in" ? { kind } : undefined;
}
