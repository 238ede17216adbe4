// @ts-check
/** What the form of an experiment sends, and where a difference stands on its scale. Pure. */

/** @import { ExperimentForm } from "/sdk/shapes.js" */

/** The variants that the form has room for. */
export const NUMBERS = [0, 1, 2];

/** The width of the scale. */
export const WIDTH = 1000;

/** The variants whose batch is chosen. @param {Record<string, string>} values @returns {ExperimentForm} */
export function experimentOf(values) {
  const variants = NUMBERS.map((number) => ({
    batch_id: values[`variants.${number}.batch_id`] ?? "",
    share: Number(values[`variants.${number}.share`]),
  }));
  return {
    name: values.name,
    variants: variants.filter(({ batch_id }) => batch_id),
    hold_out: Number(values.hold_out),
  };
}

/**
 * Where a value stands on a scale that has 0 in its middle. Pure.
 *
 * @param {number} value @param {{low: number, high: number}} bounds
 */
export function placeOf(value, { low, high }) {
  const reach = 1.15 * Math.max(Math.abs(low), Math.abs(high));
  return (WIDTH * (1 + value / reach)) / 2;
}
