// @ts-check
/**
 * Students, and what the school tells of them. Twin of `python/shapes/students.py`.
 *
 * @module
 */

/**
 * A student as the school describes them; what is left out stays as it is. `tags` replace those of before.
 * Each of `facts` replaces the one of its name, and null takes it away.
 *
 * @typedef {object} StudentForm
 * @property {string} id
 * @property {string} [name]
 * @property {string} [registered_at]
 * @property {string[]} [tags]
 * @property {Record<string, string|number|boolean|null>} [facts]
 */

/**
 * The number of students that were taken over.
 *
 * @typedef {object} Upserted
 * @property {number} upserted
 */

/**
 * A student who is known. `last_seen`: their latest claim, payment or event.
 *
 * @typedef {object} Student
 * @property {string} id
 * @property {string} [name]
 * @property {string[]} tags
 * @property {string} [registered_at]
 * @property {string} first_seen
 * @property {string} [last_seen]
 * @property {number} lessons_done
 * @property {Record<string, string|number|boolean>} facts
 */

/**
 * A page of students. `next` is null on the last page.
 *
 * @typedef {object} Students
 * @property {Student[]} students
 * @property {string|null} next
 */

/**
 * An event of a student: `signed_up`, `logged_in`, `lesson_finished`, `viewed_course` or `x.…`.
 *
 * @typedef {object} StudentEventForm
 * @property {string} id
 * @property {string} type
 * @property {string} student
 * @property {string} at
 * @property {Record<string, unknown>} [data]
 */

/**
 * The number of events that are new, and of those that were known.
 *
 * @typedef {object} AcceptedEvents
 * @property {number} accepted
 * @property {number} duplicates
 */

export {};
