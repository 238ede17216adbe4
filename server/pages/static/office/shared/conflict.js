// @ts-check
/**
 * Two people change the same thing: what each of them changed, field by field. Pure. `conflict-dialog.js` shows it.
 */

/** @typedef {Record<string, string>} Values of fields, as a form has them */

/**
 * A field whose value here differs from the server's. `taken`: the value to take where only one of the two was
 * changed; null where both were, and a person has to choose.
 *
 * @typedef {object} Difference
 * @property {string} name
 * @property {string} theirs
 * @property {string} mine
 * @property {"theirs"|"mine"|null} taken
 */

/**
 * Return the fields that differ, in the order of `mine`. `base`: what I saw before I began.
 * @param {Values} base @param {Values} theirs @param {Values} mine @returns {Difference[]}
 */
export function differences(base, theirs, mine) {
  return Object.keys(mine)
    .filter((name) => mine[name] !== (theirs[name] ?? ""))
    .map((name) => {
      const [before, there, here] = [base[name] ?? "", theirs[name] ?? "", mine[name]];
      const taken = here === before ? "theirs" : there === before ? "mine" : null;
      return { name, theirs: there, mine: here, taken };
    });
}

/**
 * Return my values with those of the server where they were chosen.
 * @param {Values} mine @param {readonly Difference[]} found @param {Record<string, "theirs"|"mine">} chosen by name
 */
export function merged(mine, found, chosen) {
  const theirs = found.filter(({ name, taken }) => (chosen[name] ?? taken) === "theirs");
  return { ...mine, ...Object.fromEntries(theirs.map((each) => [each.name, each.theirs])) };
}
