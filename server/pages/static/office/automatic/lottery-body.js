// @ts-check
/** What the form of a lottery asks for: what is left of the odds is for nothing. Pure. */

import { instantText } from "../shared/school-time.js";

/** @import { LotteryForm } from "/sdk/shapes.js" */

export const PLACES = [0, 1, 2, 3, 4];
const PPM = 1_000_000;
const PPM_OF_A_PERCENT = 10_000;
export const FACES = /** @type {const} */ (["wheel", "scratch", "box", "signin"]);
export const POLICIES = /** @type {const} */ (["nothing", "next"]);

/** @param {Record<string, string>} values @returns {LotteryForm} */
export function lotteryOf(values) {
  const { "window.from": from, "window.until": until, "chances.per_day": perDay, legal } = values;
  return {
    name: values.name,
    prizes: prizesOf(values),
    chances: {
      per_student: Number(values["chances.per_student"]),
      ...(perDay && { per_day: Number(perDay) }),
    },
    face: FACES.find((face) => face === values.face) ?? "wheel",
    empty_policy: POLICIES.find((policy) => policy === values.empty_policy) ?? "nothing",
    ...((from || until) && {
      window: {
        ...(from && { from: instantText(from) }),
        ...(until && { until: instantText(until) }),
      },
    }),
    ...(legal && { legal }),
  };
}

/** @param {Record<string, string>} values @returns {LotteryForm["prizes"]} */
function prizesOf(values) {
  const prizes = PLACES.filter((place) => values[`prizes.${place}.batch_id`]).map((place) => {
    const quantity = values[`prizes.${place}.quantity`];
    return {
      batch_id: values[`prizes.${place}.batch_id`],
      ppm: Math.round(Number(values[`prizes.${place}.ppm`]) * PPM_OF_A_PERCENT),
      ...(quantity && { quantity: Number(quantity) }),
    };
  });
  const rest = PPM - prizes.reduce((sum, { ppm }) => sum + ppm, 0);
  return rest > 0 ? [...prizes, { batch_id: null, ppm: rest }] : prizes;
}
