// @ts-check
/** Students: the list, and one student's whole story (`student-story.js`). */

import { h } from "/sdk/element/dom.js";
import { list } from "../shared/list.js";
import { officeOrderMessages } from "../orders/messages-office-orders.js";
import { findMessages } from "./messages-find.js";
import { studentMessages } from "./messages-students.js";
import { studentStory } from "./student-story.js";
import { timeText } from "../shared/time-text.js";

/** @import { Host, OfficeView } from "../shared/host.js" */

/** @param {Host} host @param {OfficeView} view */
export async function open(host, view) {
  const { language } = host;
  language.add(findMessages);
  language.add(studentMessages);
  language.add(officeOrderMessages);
  if (view.id) return studentStory(host, await host.api.getStudent(view.id));
  return list(host, view, {
    caption: language.say("students_caption"),
    link: (row) => row.id,
    filters: [
      { name: "q", label: language.say("student_q") },
      { name: "tag", label: language.say("student_tag") },
    ],
    columns: [
      { title: language.say("student_id"), value: (row) => row.id },
      { title: language.say("student_name"), value: (row) => row.name },
      { title: language.say("student_tags"), value: (row) => row.tags.join(", ") },
      {
        title: language.say("student_last_seen"),
        value: (row) => row.last_seen,
        show: (row) => timeText(host, row.last_seen),
      },
    ],
    load: async (after, { q, tag }) => {
      const { students, next } = await host.api.listStudents({
        ...(q && { q }),
        ...(tag && { tag }),
        limit: 50,
        after,
      });
      return { rows: students, next };
    },
    empty: h("p", null, language.say("students_empty")),
  });
}
