// The office's address and CSV. Run by `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, viewOf } from "../../../../server/pages/static/office/shared/address.js";
import { csvText } from "../../../../server/pages/static/office/shared/csv.js";
import {
  paymentOrders,
  PaymentFileError,
} from "../../../../server/pages/static/office/statements/payment-file.js";
import { officePages, pagesOf } from "../../../../server/pages/static/office/pages.js";

test("a view comes back from its address, whatever its id and filters hold", () => {
  const view = { page: "students", id: "a/b 一%", filters: { q: "x&y=z", tag: "新" } };
  assert.deepEqual(viewOf(addressOf(view)), view);
});

test("an empty filter is not in the address, and an empty address is no page", () => {
  assert.equal(addressOf({ page: "acts", filters: { actor: "" } }), "#/acts");
  assert.deepEqual(viewOf(""), { page: "", id: "", filters: {} });
});

test("an address with a stray percent sign is read as it is", () => {
  assert.equal(viewOf("#/students/100%").id, "100%");
});

test("CSV begins with a byte order mark and ends each line as spreadsheets expect", () => {
  assert.equal(
    csvText([
      ["名称", "n"],
      ["a", 1],
    ]),
    "\uFEFF名称,n\r\na,1\r\n",
  );
});

test("a text that a spreadsheet would run is quoted, a negative number is not", () => {
  assert.equal(csvText([["=1+1", "@x", -5]]), "\uFEFF'=1+1,'@x,-5\r\n");
});

test("a comma, a quote and a line break stay within their cell", () => {
  assert.equal(csvText([['a,"b"', "c\nd", null]]), '\uFEFF"a,""b""","c\nd",\r\n');
});

test("finance sees the pages that it may read, and no name is given twice", () => {
  assert.ok(pagesOf("finance").some((page) => page.name === "statements"));
  assert.deepEqual(pagesOf("student"), []);
  assert.equal(new Set(officePages.map((page) => page.name)).size, officePages.length);
});

test("a payment provider's file is read by the names of its columns", () => {
  assert.deepEqual(paymentOrders('\uFEFFpaid,"Order"\r\n100,"a,""1"""\r\n\r\n'), [
    { order: 'a,"1"', paid: 100, refunded: 0 },
  ]);
});

test("a row that cannot be read is named, and so is a header without the columns", () => {
  const row = (/** @type {unknown} */ error) =>
    error instanceof PaymentFileError && error.row === 3;
  assert.throws(() => paymentOrders("order,paid\na,1\nb,1.50\n"), row);
  assert.throws(() => paymentOrders("number,sum\na,1\n"), /header/);
});
