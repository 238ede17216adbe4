"""The program that writes an XLSX file: JSON lines on its input, the file on its output.

Run by programs.py as `python -m server.sheets.write_workbook`. Each line is a list of rows, a row a list of
texts and whole numbers; the first row is the header. Texts stay texts, so nothing is computed or rounded.
"""

import shutil
import sys
import tempfile
from typing import IO, Final

import orjson
from xlsxwriter import Workbook

from server.core.audiences.guarded_cells import guarded
from server.sheets.limits import bound_this_process

_WIDTH: Final = 24  # characters


def write_workbook(lines: IO[bytes], target: IO[bytes]) -> None:
    """Write the rows of the lines into one sheet. Rows that were written lie on the disk, not in memory."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    workbook = Workbook(target, options)
    sheet = workbook.add_worksheet()
    number = 0
    for line in lines:
        for row in orjson.loads(line):
            if not number:
                sheet.set_column(0, len(row) - 1, _WIDTH)
            for place, cell in enumerate(row):
                if isinstance(
                    cell, int
                ):  # amounts are far below 2**53: a sheet's numbers are exact there
                    sheet.write_number(number, place, cell)
                else:
                    sheet.write_string(number, place, guarded(cell))
            number += 1
    workbook.close()


def main() -> None:
    bound_this_process()
    with tempfile.TemporaryFile() as file:
        write_workbook(sys.stdin.buffer, file)
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer)


if __name__ == "__main__":
    main()
