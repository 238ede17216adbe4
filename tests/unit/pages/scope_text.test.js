/** What a card says of the courses it is for, where it was told of some of them only. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { scopeText } from "../../../client_sdk/javascript/element/value.js";

const CASES = [
  [{ courses: [], packages: [] }, "For every course"],
  [{ courses: ["a", "b"], packages: ["c"] }, "For a, b, c"],
  [{ courses: ["a", "b", "c", "d"], packages: [] }, "For a, b, c and more, 4 in all"],
  [
    { courses: ["a", "b", "c", "d", "e"], packages: [], more: 495 },
    "For a, b, c and more, 500 in all",
  ],
  [{ courses: ["a"], packages: [], more: 1 }, "For a and more, 2 in all"],
  [{ courses: ["a"], packages: [], more: 0 }, "For a"],
];

for (const [scope, text] of CASES) {
  test(`${JSON.stringify(scope)} is "${text}"`, () => assert.equal(scopeText(scope, "en"), text));
}
