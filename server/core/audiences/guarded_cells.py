"""Write cells that a spreadsheet shows and does not compute.

Called by whatever writes CSV or XLSX for people: a cell that begins with one of these characters would be
taken for a formula, and may send what is in the sheet elsewhere.
"""

from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """Return the text with `'` before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_cell(text: str) -> str:
    """Return the guarded text as a field of CSV (RFC 4180), in quotes where it needs them."""
    text = guarded(text)
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
