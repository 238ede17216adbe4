// @ts-check
/**
 * Tasks: what a student does before a claim of a drop counts, and how far they are. Twin of
 * `python/shapes/tasks.py`.
 *
 * @module
 */

/** @typedef {"watch"|"answer"|"sign_in"|"invite"|"event"} TaskKind */

/**
 * Be in the room for so many minutes while the drop is open.
 *
 * @typedef {object} WatchTaskForm
 * @property {"watch"} kind
 * @property {number} minutes
 */

/**
 * Choose the right option in two tries. `right` is its index from 0, or its text.
 *
 * @typedef {object} AnswerTaskForm
 * @property {"answer"} kind
 * @property {string} question
 * @property {string[]} options
 * @property {number|string} right
 */

/**
 * Press a button.
 *
 * @typedef {object} SignInTaskForm
 * @property {"sign_in"} kind
 */

/**
 * Bring so many students who are new to the school.
 *
 * @typedef {object} InviteTaskForm
 * @property {"invite"} kind
 * @property {number} count
 */

/**
 * Let the school tell an event of this type about the student while the drop is open.
 *
 * @typedef {object} EventTaskForm
 * @property {"event"} kind
 * @property {string} type
 */

/** @typedef {WatchTaskForm|AnswerTaskForm|SignInTaskForm|InviteTaskForm|EventTaskForm} TaskForm */

/**
 * A task. `right` is there for the drop's instructors only.
 *
 * @typedef {object} Task
 * @property {TaskKind} kind
 * @property {number} [minutes]
 * @property {string} [question]
 * @property {string[]} [options]
 * @property {number} [right]
 * @property {number} [count]
 * @property {string} [type]
 */

/**
 * The progress of a student: `done` of `needed` minutes (`watch`) or students (`invite`), else 0 or 1.
 * `passed`: a claim counts. `done_seconds` comes with `watch`, `tries_left` with `answer`.
 *
 * @typedef {object} TaskState
 * @property {number} done
 * @property {number} needed
 * @property {boolean} passed
 * @property {number} [done_seconds]
 * @property {number} [tries_left]
 */

/**
 * The progress of the student with the task of a drop.
 *
 * @typedef {object} TaskProgress
 * @property {string} drop_id
 * @property {number} done
 * @property {number} needed
 * @property {boolean} passed
 * @property {number} [done_seconds]
 * @property {number} [tries_left]
 */

/**
 * The same, with the task as the card shows it.
 *
 * @typedef {object} OwnTask
 * @property {string} drop_id
 * @property {number} done
 * @property {number} needed
 * @property {boolean} passed
 * @property {number} [done_seconds]
 * @property {number} [tries_left]
 * @property {Task} task
 */

/**
 * The student's own link. Its `code` names nobody.
 *
 * @typedef {object} InviteLink
 * @property {string} drop_id
 * @property {number} done
 * @property {number} needed
 * @property {boolean} passed
 * @property {number} [done_seconds]
 * @property {number} [tries_left]
 * @property {string} code
 * @property {string} url
 */

/**
 * The end of an arrival by a link. `reason` comes where it was not counted. The drop is in a `room`, or behind
 * a claim `link` with this name in its address.
 *
 * @typedef {object} Invitation
 * @property {string} drop_id
 * @property {string} [room]
 * @property {string} [link]
 * @property {boolean} counted
 * @property {"self"|"same_person"|"same_device"|"not_new"|"came_before"|"closed"} [reason]
 */

/**
 * The body that answers a question: the index of an option from 0, or its text.
 *
 * @typedef {object} AnswerForm
 * @property {number|string} option
 */

export {};
