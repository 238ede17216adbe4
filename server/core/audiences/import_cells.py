"""Read the cells of an import: which student a cell names, and whether a note may be kept.

Called by import_rows.py for every row. An id is text: a number that a spreadsheet has rounded is refused,
never guessed.
"""

import re
from typing import Final
from unicodedata import normalize

from server.core.audiences.imports import MAX_NOTE, RowFault
from server.core.texts import text_fault

MAX_ID: Final = 64
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
# A spreadsheet writes 12000000000 as 1.2E+10, and its other digits are gone.
_SCIENTIFIC: Final = re.compile(r"[+-]?\d(\.\d+)?[Ee][+-]\d{2,3}")
# A longer cell is no id; normalising it would cost time.
_MAX_CELL: Final = 1_000
_SHOWN: Final = 100  # characters of a bad cell that are kept
_OUTER_BLANKS: Final = re.compile(
    r"^[\s\u200b-\u200f\u2060\ufeff]+|[\s\u200b-\u200f\u2060\ufeff]+\Z"
)
# ="00123" and '00123: ways to keep a spreadsheet from taking an id for a number.
_FORCED_TEXT: Final = re.compile(r"=\"(.*)\"|'(.*)", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNKEPT: Final = re.compile(r"[\x00-\x1f\x7f]")
_EXACT_BELOW: Final = 10**15  # a spreadsheet keeps 15 digits


def read_student(cell: str) -> str | RowFault:
    """Return the id that the cell names, or why it names none."""
    if len(cell) > _MAX_CELL:
        return RowFault.TOO_LONG
    text = cell if _ID.fullmatch(cell) else _mended(cell)
    if not text:
        return RowFault.MISSING
    if _SCIENTIFIC.fullmatch(text):
        return RowFault.SCIENTIFIC_NUMBER
    if _ID.fullmatch(text):
        return text
    return RowFault.TOO_LONG if len(text) > MAX_ID else RowFault.BAD_FORMAT


def _mended(cell: str) -> str:
    """Return the text without outer blanks and text marks, full-width characters as the usual ones."""
    text = _OUTER_BLANKS.sub("", normalize("NFKC", cell))
    forced = _FORCED_TEXT.fullmatch(text)
    return _OUTER_BLANKS.sub("", forced[1] or forced[2] or "") if forced else text


def text_of_number(value: float) -> str | RowFault:
    """Return a number of a spreadsheet as the text that its cell shows, or why that is no id."""
    if not value.is_integer():
        return RowFault.IS_FRACTION
    if abs(value) >= _EXACT_BELOW:
        return RowFault.LOST_DIGITS
    return str(int(value))


def read_note(cell: str) -> str | RowFault | None:
    """Return the note, None for a blank one, or why it cannot be kept."""
    text = _OUTER_BLANKS.sub("", cell)
    if not text:
        return None
    if len(text) > MAX_NOTE:
        return RowFault.TOO_LONG
    if _CONTROL.search(text):
        return RowFault.BAD_CHARACTER
    fault = text_fault(text)
    return RowFault(fault) if fault is not None else text


def shown(cell: str) -> str:
    """Return a bad cell in a form that can be kept and shown: short, and in one line."""
    return _UNKEPT.sub("\ufffd", cell[:_SHOWN])
