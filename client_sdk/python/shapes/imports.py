"""Files of students: what was found in them."""

from typing import Literal, NotRequired, TypedDict

ImportFormat = Literal["csv", "xlsx"]
ImportColumn = Literal["student", "note"]
RowFault = Literal[
    "duplicate",
    "missing",
    "bad_format",
    "too_long",
    "scientific_number",
    "lost_digits",
    "is_fraction",
    "is_date",
    "is_boolean",
    "bad_character",
    "bidi_control",
    "invisible",
]


class BadRow(TypedDict):
    """`row` counts as a spreadsheet does, from 1, the header included."""

    row: int
    column: ImportColumn
    code: RowFault


class DuplicateRow(TypedDict):
    """`first_row` has the same student, and counts."""

    row: int
    first_row: int
    student: str


class SampleRow(TypedDict):
    """A good row."""

    row: int
    student: str
    note: NotRequired[str]


class ImportSummary(TypedDict):
    """`rows` = `good` + `duplicates` + `bad_total`. `encoding` and `delimiter` are null for XLSX."""

    id: str
    format: ImportFormat
    encoding: str | None
    delimiter: str | None
    rows: int
    good: int
    duplicates: int
    bad_total: int
    blank: int
    mended: int
    ignored_columns: list[str]
    created_by: str
    created_at: str
    expires_at: str


class Import(ImportSummary):
    """An import with the first 100 bad rows, the first 100 duplicates, and the first 20 good rows."""

    bad: list[BadRow]
    duplicate_rows: list[DuplicateRow]
    sample: list[SampleRow]


class Imports(TypedDict):
    """A page of imports, newest first. `next` is null on the last page."""

    imports: list[ImportSummary]
    next: str | None
