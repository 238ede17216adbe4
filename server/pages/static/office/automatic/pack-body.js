// @ts-check
/** What the form of a pack asks for. Pure. */

/** @import { PackForm } from "/sdk/shapes.js" */

export const PLACES = [0, 1, 2, 3, 4, 5];

/** @param {Record<string, string>} values @returns {PackForm} */
export function packOf(values) {
  const places = PLACES.filter((place) => values[`items.${place}.batch_id`]);
  const batch = (/** @type {number} */ place) => values[`items.${place}.batch_id`];
  if (values.kind === "items")
    return {
      name: values.name,
      items: places.map((place) => ({
        batch_id: batch(place),
        count: Number(values[`items.${place}.count`] || 1),
      })),
    };
  return {
    name: values.name,
    variants: places.map((place) => {
      const audience = values[`variants.${place}.audience_id`];
      return { batch_id: batch(place), ...(audience && { audience_id: audience }) };
    }),
  };
}
