/** What a room's history hands out: CSV that a spreadsheet opens, and the curve of claims. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { curvePoints } from "../../../../server/pages/static/console/drops/claim-curve.js";
import { csvText } from "../../../../server/pages/static/console/csv.js";

test("a CSV has a byte order mark, quotes what needs it, and no cell is a formula", () => {
  const text = csvText([
    ["student", "state"],
    ["=1+1", 'a "b", c'],
    ["-x", "@y"],
  ]);
  assert.equal(text, '\ufeffstudent,state\r\n\'=1+1,"a ""b"", c"\r\n\'-x,\'@y\r\n');
});

test("a curve goes from the opening to the last claim, in any order of the times", () => {
  assert.deepEqual(curvePoints([300, 200], 100), [
    [0, 0],
    [0.5, 0.5],
    [1, 1],
  ]);
});

test("a curve of many claims has a bounded number of points and ends with all of them", () => {
  const points = curvePoints(
    Array.from({ length: 10_001 }, (_, index) => index),
    0,
  );
  assert.ok(points.length <= 125);
  assert.deepEqual(points.at(-1), [1, 1]);
});

test("a claim before the page's opening and a drop without claims have a curve", () => {
  assert.deepEqual(curvePoints([50], 100), [
    [0, 0],
    [0, 1],
  ]);
  assert.deepEqual(curvePoints([], 100), [[0, 0]]);
});
