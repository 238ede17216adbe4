"""Read the records of a file as rows of an import: good ones, duplicates and bad ones.

Called by the program that reads a file (server/sheets/read_file.py), with the records of CSV or XLSX.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from server.core.audiences.import_cells import read_note, read_student, shown
from server.core.audiences.import_columns import ColumnFault, Columns, find_columns
from server.core.audiences.imports import (
    MAX_ROWS,
    Column,
    Counts,
    ImportRow,
    RowFault,
)

# A cell is its text, or why it cannot be an id: a spreadsheet's date, fraction or boolean.
Cell = str | RowFault
Record = Sequence[Cell]


class FileRefusedError(Exception):
    """A file that cannot be read at all. `field`: `student`, `rows`, `rows.17`, or `` for the file."""

    def __init__(self, field: str, code: str, detail: str = "") -> None:
        super().__init__(detail or f"{field or 'file'}: {code}")
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True)
class ImportTable:
    """All rows of a file."""

    rows: tuple[ImportRow, ...]
    counts: Counts
    ignored_columns: tuple[str, ...]


def read_table(records: Iterable[Record]) -> ImportTable:
    """Return the rows of the file; a blank one is counted and left out.

    Raises FileRefusedError where it has no row, more than MAX_ROWS, or a header that cannot be used.
    """
    reader = _RowReader()
    for number, record in enumerate(records, 1):
        reader.take(number, record)
    if not reader.rows:
        raise FileRefusedError("rows", "empty", "the file has no row with a student")
    return reader.table()


_NO_COLUMNS: Final = Columns(0, None)


class _RowReader:
    """Reads the records one after the other; remembers in which row each student was first."""

    def __init__(self) -> None:
        self.rows: list[ImportRow] = []
        self._columns: Columns | None = None
        self._first_rows: dict[str, int] = {}
        self._blank = 0
        self._blank_since = 0  # of them those that no other row has followed yet
        self._mended = 0

    def take(self, number: int, record: Record) -> None:
        if not any(cell if isinstance(cell, RowFault) else cell.strip() for cell in record):
            self._blank_since += 1
            return
        self._blank, self._blank_since = self._blank + self._blank_since, 0
        if self._columns is None:
            self._columns = _columns_of(record)
            if self._columns.has_header:
                return
        if len(self.rows) == MAX_ROWS:
            raise FileRefusedError("rows", "too_many", f"at most {MAX_ROWS} rows")
        self.rows.append(self._row(number, record, self._columns))

    def _row(self, number: int, record: Record, columns: Columns) -> ImportRow:
        cell = _at(record, columns.student)
        student = cell if isinstance(cell, RowFault) else read_student(cell)
        note = _note(_at(record, columns.note)) if columns.note is not None else None
        kept_note = None if isinstance(note, RowFault) else note
        if isinstance(student, RowFault):
            typed = "" if isinstance(cell, RowFault) else shown(cell)
            return ImportRow(number, None, typed or None, kept_note, student, Column.STUDENT)
        self._mended += student != cell
        if isinstance(note, RowFault):
            return ImportRow(number, student, None, None, note, Column.NOTE)
        first = self._first_rows.setdefault(student, number)
        if first != number:
            fault, column = RowFault.DUPLICATE, Column.STUDENT
            return ImportRow(number, student, None, note, fault, column, first)
        return ImportRow(number, student, None, note)

    def table(self) -> ImportTable:
        faults = [row.fault for row in self.rows]
        duplicates, good = faults.count(RowFault.DUPLICATE), faults.count(None)
        counts = Counts(
            rows=len(faults),
            good=good,
            duplicates=duplicates,
            bad=len(faults) - good - duplicates,
            blank=self._blank,
            mended=self._mended,
        )
        return ImportTable(tuple(self.rows), counts, (self._columns or _NO_COLUMNS).ignored)


def _columns_of(record: Record) -> Columns:
    found = find_columns(["" if isinstance(cell, RowFault) else cell for cell in record])
    if isinstance(found, ColumnFault):
        raise FileRefusedError(found.name, found.code)
    return found


def _at(record: Record, place: int) -> Cell:
    return record[place] if place < len(record) else ""


def _note(cell: Cell) -> str | RowFault | None:
    """Return the note. A date or a fraction in a note is shown as nothing: its form is the spreadsheet's."""
    return None if isinstance(cell, RowFault) else read_note(cell)
