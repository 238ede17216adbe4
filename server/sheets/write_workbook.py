"""The program that writes an XLSX file: JSON lines on its input, the file on its output.

Run by programs.py as `python -m server.sheets.write_workbook`. Each line is a list of rows, a row a list of
texts and whole numbers; the first row is the header. Texts stay texts, so nothing is computed or rounded.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import orjson
from rustpy_xlsxwriter import FastExcel

from server.core.audiences.guarded_cells import guarded
from server.sheets.limits import bound_this_process

# 1,000,000 lines of a statement take 20 seconds (`python -m tests.benchmarks.statements`).
_CPU_SECONDS: Final = 90
_SHEET: Final = "Sheet1"
_WIDTH: Final = 24  # characters

Cell = str | int


def write_workbook(lines: Iterable[bytes], path: str) -> None:
    """Write the rows of the lines into one sheet. Rows that were written lie on the disk, not in memory."""
    book = FastExcel(path, output_format="xlsx")
    book.sheet(_SHEET, _records(lines), column_width=_WIDTH).save()


def _records(lines: Iterable[bytes]) -> Iterator[dict[str, Cell | None]]:
    """Yield each row with the names of its columns, as the library takes rows: it writes the header from the
    first one. Without rows there is one of empty cells, so that the header is there."""
    rows = chain.from_iterable(map(orjson.loads, lines))
    header: list[str] = next(rows, [])
    row = None
    for row in rows:
        yield dict(zip(header, map(_cell, row), strict=True))
    if row is None:
        yield dict.fromkeys(header)


def _cell(value: Cell) -> Cell:
    # Amounts are far below 2**53: a sheet's numbers are exact there.
    return value if isinstance(value, int) else guarded(value)


def main() -> None:
    bound_this_process(_CPU_SECONDS)
    # The file has no name, so that nothing is left where this process is killed.
    with tempfile.TemporaryFile() as file:
        write_workbook(sys.stdin.buffer, f"/dev/fd/{file.fileno()}")
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer)


if __name__ == "__main__":
    main()
