"""Rows of an import: which student a cell names, which column is which, and what is said of the rest."""

import pytest

from server.core.audiences import import_cells
from server.core.audiences.guarded_cells import csv_cell
from server.core.audiences.import_columns import MAX_IGNORED, ColumnFault, Columns, find_columns
from server.core.audiences.import_rows import Cell, FileRefusedError, ImportTable, read_table
from server.core.audiences.imports import (
    KEPT_MS,
    MAX_ROWS,
    Column,
    Counts,
    FileKind,
    Import,
    ImportRow,
    RowFault,
)


def table(*records: list[Cell]) -> ImportTable:
    return read_table(records)


@pytest.mark.parametrize(
    ("cell", "student"),
    [
        ("ann", "ann"),
        (" ann\u3000", "ann"),
        ("\ufeffann\u200b", "ann"),
        ("２０２４：７", "2024:7"),
        ('="00123"', "00123"),
        ("'00123", "00123"),
        ("'-x", "-x"),
        ("x" * 64, "x" * 64),
        ("1E5", "1E5"),
        ("", RowFault.MISSING),
        (" \u3000", RowFault.MISSING),
        ('=""', RowFault.MISSING),
        ("1.2E+10", RowFault.SCIENTIFIC_NUMBER),
        ("2.02407E-05", RowFault.SCIENTIFIC_NUMBER),
        ("x" * 65, RowFault.TOO_LONG),
        ("x" * 1_001, RowFault.TOO_LONG),
        ("ann lee", RowFault.BAD_FORMAT),
        ("安", RowFault.BAD_FORMAT),
        ("ann\0", RowFault.BAD_FORMAT),
        ("=A1", RowFault.BAD_FORMAT),
    ],
)
def test_a_cell_names_a_student_or_says_why_not(cell: str, student: str) -> None:
    assert import_cells.read_student(cell) == student


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1001.0, "1001"),
        (-5.0, "-5"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, RowFault.LOST_DIGITS),
        (1.5, RowFault.IS_FRACTION),
        (float("inf"), RowFault.IS_FRACTION),
    ],
)
def test_a_spreadsheets_number_is_text_where_no_digit_is_lost(value: float, text: str) -> None:
    assert import_cells.text_of_number(value) == text


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        (" front row ", "front row"),
        ("two\nlines", "two\nlines"),
        ("\t", None),
        ("x" * 200, "x" * 200),
        ("x" * 201, RowFault.TOO_LONG),
        ("a\0b", RowFault.BAD_CHARACTER),
        ("a\u202eb", RowFault.BIDI_CONTROL),
        ("\u2800", RowFault.INVISIBLE),
    ],
)
def test_a_note_is_kept_or_says_why_not(cell: str, note: str | None) -> None:
    assert import_cells.read_note(cell) == note


def test_a_bad_cell_is_shown_short_and_in_one_line() -> None:
    assert import_cells.shown("a\0\nb" + "x" * 200) == "a\ufffd\ufffdb" + "x" * 96


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["学号"], Columns(0, None)),
        (["姓名", "Student ID", "备注"], Columns(1, 2, ("姓名",))),
        (["\ufeffstudent_id", "", "Note"], Columns(0, 2)),
        (["id", "学员ID"], Columns(1, None, ("id",))),
        (["uid", "phone"], Columns(0, None, ("phone",))),
        (["ann", "a note"], Columns(0, 1, (), has_header=False)),
        (["ann", "a note", "x", "y"], Columns(0, 1, ("3", "4"), has_header=False)),
        (["name", "note"], ColumnFault("student", "missing")),
        (["学号", "student"], ColumnFault("student", "ambiguous")),
        (["学号", "note", "备注"], ColumnFault("note", "ambiguous")),
        (["学号", "数量"], ColumnFault("数量", "unsupported")),
        (["count", "ann"], Columns(0, 1, (), has_header=False)),
    ],
)
def test_columns_are_found_by_their_names(
    header: list[str], columns: Columns | ColumnFault
) -> None:
    assert find_columns(header) == columns


def test_of_a_very_wide_file_the_first_ignored_columns_are_named() -> None:
    named = find_columns(["student", *(f"c{number}" for number in range(100))])
    unnamed = find_columns(["ann"] * 100)
    assert isinstance(named, Columns)
    assert isinstance(unnamed, Columns)
    assert (len(named.ignored), unnamed.ignored[-1]) == (MAX_IGNORED, str(MAX_IGNORED))


def test_rows_are_good_duplicate_or_bad_and_add_up() -> None:
    found = table(
        ["学号", "备注"],
        ["ann", "first"],
        [],
        ["bob", "x" * 201],
        ["bob"],
        [" ann ", "second"],
        [RowFault.IS_DATE, RowFault.IS_FRACTION],
        ["a b", "lost"],
        ["", " "],
        [""],
    )

    assert found.rows == (
        ImportRow(2, "ann", None, "first"),
        ImportRow(4, "bob", None, None, RowFault.TOO_LONG, Column.NOTE),
        ImportRow(5, "bob", None, None),
        ImportRow(6, "ann", None, "second", RowFault.DUPLICATE, Column.STUDENT, 2),
        ImportRow(7, None, None, None, RowFault.IS_DATE, Column.STUDENT),
        ImportRow(8, None, "a b", "lost", RowFault.BAD_FORMAT, Column.STUDENT),
    )
    assert found.counts == Counts(rows=6, good=2, duplicates=1, bad=3, blank=1, mended=1)


def test_a_file_without_a_header_begins_with_its_first_student() -> None:
    assert table(["ann", "hello"]).rows == (ImportRow(1, "ann", None, "hello"),)


def test_a_first_row_with_a_date_is_a_row() -> None:
    assert table([RowFault.IS_DATE]).counts.bad == 1


def test_a_table_has_rows_and_not_too_many() -> None:
    for records in ([], [["学号"]], [["", " "]]):
        with pytest.raises(FileRefusedError, match="no row"):
            read_table(records)
    with pytest.raises(FileRefusedError, match="at most"):
        read_table([str(number)] for number in range(MAX_ROWS + 1))
    assert read_table([str(number)] for number in range(MAX_ROWS)).counts.good == MAX_ROWS


def test_a_header_that_cannot_be_used_refuses_the_file() -> None:
    with pytest.raises(FileRefusedError) as refused:
        table(["name", "note"], ["ann", "x"])
    assert (refused.value.field, refused.value.code) == ("student", "missing")
    assert str(refused.value) == "student: missing"


def test_an_import_ends_after_its_time() -> None:
    counts = Counts(rows=0, good=0, duplicates=0, bad=0)
    found = Import(
        id="imp_1",
        kind=FileKind.XLSX,
        encoding=None,
        delimiter=None,
        counts=counts,
        ignored_columns=(),
        created_by="olga",
        created_at=5,
    )
    assert found.expires_at == 5 + KEPT_MS


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("ann", "ann"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("two\nlines", '"two\nlines"'),
    ],
)
def test_a_written_cell_is_no_formula(text: str, cell: str) -> None:
    assert csv_cell(text) == cell
