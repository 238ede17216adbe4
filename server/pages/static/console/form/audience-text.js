// @ts-check
/**
 * The text that says who may claim a drop, from its tags and students and its batch's tags and age
 * of account. Pure.
 */

/** @typedef {import("../../shared/language.js").Language} Language */

/**
 * @param {{rehearsal?: boolean, audience?: {tags?: string[], students?: string[]}, claim_conditions?: {tags?: string[], new?: boolean}}} of
 * @param {Language} language
 * @returns {string} empty: everybody in the room
 */
export function audienceText({ rehearsal, audience, claim_conditions }, language) {
  const say = language.say.bind(language);
  const tags = (/** @type {string[]} */ names = []) =>
    names.length
      ? say(names.length === 1 ? "audience_tag" : "audience_tags", {
          names: names.join(say("audience_or")),
        })
      : "";
  const students = audience?.students?.length ?? 0;
  if (rehearsal)
    return say(students === 1 ? "rehearsal_for_one" : "rehearsal_for", { n: students });
  const named = students
    ? say(students === 1 ? "audience_student" : "audience_students", { n: students })
    : "";
  const chosen = [tags(audience?.tags), named].filter(Boolean).join(say("audience_or"));
  const parts = [
    chosen,
    tags(claim_conditions?.tags),
    claim_conditions?.new ? say("audience_new") : "",
  ].filter(Boolean);
  return parts.length ? say("audience_only", { who: parts.join(say("audience_and")) }) : "";
}
