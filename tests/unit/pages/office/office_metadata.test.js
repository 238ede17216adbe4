// Metadata as lines of a form, and back. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  metadataIn,
  metadataText,
} from "../../../../server/pages/static/office/shared/metadata-text.js";

test("lines say pairs, and spaces and empty lines mean nothing", () => {
  assert.deepEqual(metadataIn(" crm=17 \n\n team = 招生 A \nformula = a = b\nalone"), {
    crm: "17",
    team: "招生 A",
    formula: "a = b",
    alone: "",
  });
  assert.deepEqual(metadataIn(""), {});
});

test("what nobody touched stays exactly as it was, also where a line cannot say it", () => {
  const odd = { "a=b": "c", " spaced ": "two  words", lines: "one\ntwo", empty: "" };
  assert.deepEqual(metadataIn(metadataText(odd), odd), odd);
  const longer = `${metadataText(odd)}\nnew = 1`;
  assert.deepEqual(metadataIn(longer, odd), { ...odd, new: "1" });
});
