"""Read the first sheet of an XLSX file as records.

Called by read_file.py, in a process of its own: calamine allocates a sheet's whole area, however large it
says it is, and ends the process where it cannot. Formulas are not computed: their last value counts.
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from server.core.audiences.import_cells import text_of_number
from server.core.audiences.import_rows import Cell, FileRefusedError
from server.core.audiences.imports import RowFault

ZIP_MARK: Final = b"PK\x03\x04"
OLE_MARK: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an encrypted XLSX, or an XLS of before 2007
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
# An honest file of 10 MB is 50 to 100 MB inside. A sheet of equal rows shrinks to a fiftieth.
_MAX_UNZIPPED: Final = 100 * 1024 * 1024
_MAX_RATIO: Final = 150
_RATIO_MATTERS_FROM: Final = 5 * 1024 * 1024
_MAX_PARTS: Final = 1_000
_DAMAGED: Final = "the file is not a whole XLSX file"
# The sheet's area, empty cells included; each takes 24 bytes.
_MAX_CELLS: Final = 10_000_000


def read_workbook(content: bytes) -> Iterator[list[Cell]]:
    """Yield the rows of the first visible sheet, from row 1, blank ones too.

    Raises FileRefusedError for a file that is encrypted, damaged, of another kind or too large inside.
    """
    if content.startswith(OLE_MARK):
        raise FileRefusedError("", "encrypted" if _ENCRYPTED in content else "old_format")
    _check_zip(content)
    try:
        sheet = _first_sheet(load_workbook(io.BytesIO(content)))
    except PasswordError:
        raise FileRefusedError("", "encrypted", "the file has a password") from None
    except CalamineError:
        raise FileRefusedError("", "damaged", _DAMAGED) from None
    if sheet.total_height * sheet.total_width > _MAX_CELLS:
        raise FileRefusedError("", "too_large_inside", f"at most {_MAX_CELLS} cells")
    left = [""] * (sheet.start[1] if sheet.start else 0)
    for row in sheet.iter_rows():
        yield [*left, *map(_cell, row)]


def _check_zip(content: bytes) -> None:
    """Refuse a damaged file, and one that is much larger than it looks."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            found = parts.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise FileRefusedError("", "damaged", _DAMAGED) from None
    if any(part.flag_bits & 1 for part in found):
        raise FileRefusedError("", "encrypted", "the file has a password")
    unzipped = sum(part.file_size for part in found)
    is_suspicious = unzipped > _RATIO_MATTERS_FROM and unzipped > _MAX_RATIO * len(content)
    if unzipped > _MAX_UNZIPPED or is_suspicious or len(found) > _MAX_PARTS:
        raise FileRefusedError("", "too_large_inside", "the file is too large when it is unpacked")


def _first_sheet(workbook: CalamineWorkbook) -> CalamineSheet:
    for number, about in enumerate(workbook.sheets_metadata):
        if about.visible == SheetVisibleEnum.Visible and about.typ == SheetTypeEnum.WorkSheet:
            return workbook.get_sheet_by_index(number)
    raise FileRefusedError("", "no_sheet", "the file has no sheet with cells")


_Value = float | str | bool | time | date | datetime | timedelta


def _cell(value: _Value) -> Cell:
    """Return a cell as text, or why it cannot be an id."""
    match value:
        case str():
            return value
        case bool():
            return RowFault.IS_BOOLEAN
        case int() | float():
            return text_of_number(float(value))
        case _:
            return RowFault.IS_DATE
