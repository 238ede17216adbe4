// @ts-check
/**
 * The sample shop's goods, and the order they make. A school's own shop stands in this place; prices
 * are minor units.
 */

/** @typedef {{id: string, name: readonly [zh: string, en: string], price: number, quantity: number}} Course */

export const CURRENCY = "CNY";

/** @type {readonly Course[]} */
export const COURSES = [
  { id: "algebra-1", name: ["代数入门", "Algebra from the start"], price: 8000, quantity: 1 },
  { id: "writing-1", name: ["写作工坊", "Writing workshop"], price: 3000, quantity: 1 },
  { id: "reading-1", name: ["经典共读", "Reading together"], price: 3000, quantity: 0 },
];

export const MOST_OF_ONE = 9;

/**
 * @param {ReadonlyMap<string, number>} quantities by course id
 * @returns {import("/sdk/shapes.js").Order|null} null where nothing is in the cart
 */
export function orderOf(quantities) {
  const lines = COURSES.map(({ id, price }) => ({
    id,
    course: id,
    unit_price: price,
    quantity: quantities.get(id) ?? 0,
  })).filter((line) => line.quantity > 0);
  return lines.length ? { currency: CURRENCY, lines } : null;
}
