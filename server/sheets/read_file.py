"""The program that reads a file of students: the file on its input, JSON lines on its output.

Run by programs.py as `python -m server.sheets.read_file [charset]`. The first line is what was found, or why
the file is refused; each line behind it has up to LINE_ROWS rows, in the form in which
ledger/audiences/imports.py inserts them.
"""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

import orjson

from server.core.audiences.csv_text import read_csv
from server.core.audiences.import_rows import FileRefusedError, ImportTable, read_table
from server.core.audiences.imports import FileKind
from server.sheets.limits import bound_this_process
from server.sheets.workbook import OLE_MARK, ZIP_MARK, read_workbook

LINE_ROWS: Final = 1_000


def lines_of(content: bytes, charset: str | None) -> Iterator[bytes]:
    """Yield the lines that the program writes for this file, without their ends."""
    try:
        kind, encoding, delimiter, table = _read(content, charset)
    except FileRefusedError as error:
        refused = {"field": error.field, "code": error.code, "detail": str(error)}
        yield orjson.dumps({"refused": refused})
        return
    yield orjson.dumps(
        {
            "kind": kind,
            "encoding": encoding,
            "delimiter": delimiter,
            "counts": asdict(table.counts),
            "ignored_columns": table.ignored_columns,
        }
    )
    for start in range(0, len(table.rows), LINE_ROWS):
        yield orjson.dumps([tuple(row) for row in table.rows[start : start + LINE_ROWS]])


def _read(
    content: bytes, charset: str | None
) -> tuple[FileKind, str | None, str | None, ImportTable]:
    """Read the file by what its bytes are: people's programs send either kind under either name."""
    if content.startswith((ZIP_MARK, OLE_MARK)):
        return FileKind.XLSX, None, None, read_table(read_workbook(content))
    csv = read_csv(content, charset)
    return FileKind.CSV, csv.encoding, csv.delimiter, read_table(csv.records())


def main() -> None:
    bound_this_process()
    content = sys.stdin.buffer.read()
    charset = sys.argv[1] if len(sys.argv) > 1 else None
    for line in lines_of(content, charset):
        sys.stdout.buffer.write(line + b"\n")


if __name__ == "__main__":
    main()
