"""Imports: a file with a column of students, as it was read, and the bounds of such a file.

Made by flows/audiences/imports.py, stored by ledger/audiences/imports.py, published by the API. An import
issues nothing: it is a preview first, and an issuance may name it later.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_ROWS: Final = 100_000
MAX_NOTE: Final = 200  # characters
KEPT_MS: Final = 30 * 24 * 3600 * 1000
# How many rows of a kind a preview lists; it counts all of them.
LISTED_ROWS: Final = 100
SAMPLE_ROWS: Final = 20


class RowFault(StrEnum):
    """The reason why nobody is issued anything for a row. Only DUPLICATE rows are not bad ones."""

    DUPLICATE = "duplicate"
    MISSING = "missing"
    BAD_FORMAT = "bad_format"
    TOO_LONG = "too_long"
    # What a spreadsheet makes of a text that looks like a number or a date.
    SCIENTIFIC_NUMBER = "scientific_number"
    LOST_DIGITS = "lost_digits"
    IS_FRACTION = "is_fraction"
    IS_DATE = "is_date"
    IS_BOOLEAN = "is_boolean"
    # Faults of a note.
    BAD_CHARACTER = "bad_character"
    BIDI_CONTROL = "bidi_control"
    INVISIBLE = "invisible"


class Column(StrEnum):
    STUDENT = "student"
    NOTE = "note"


class FileKind(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class ImportRow(NamedTuple):
    """One row of the file that is not blank.

    `row` counts from 1 as a spreadsheet does, the header included. `typed` is the cell, shortened, where it
    names no student; `student` is None there. `first_row`: of a duplicate, the row with the same student.
    """

    row: int
    student: str | None
    typed: str | None
    note: str | None
    fault: RowFault | None = None
    column: Column | None = None
    first_row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """`rows` = good + duplicates + bad. `blank`: rows without a cell, before the last one that has some.
    `mended`: ids that were written in full-width characters, in quotes or between blanks."""

    rows: int
    good: int
    duplicates: int
    bad: int
    blank: int = 0
    mended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file that was read. `encoding` and `delimiter` are None for XLSX. `ignored_columns`: the headers of
    columns that are neither student nor note, or their numbers where the file has no header."""

    id: str
    kind: FileKind
    encoding: str | None
    delimiter: str | None
    counts: Counts
    ignored_columns: tuple[str, ...]
    created_by: str
    created_at: int

    @property
    def expires_at(self) -> int:
        return self.created_at + KEPT_MS
