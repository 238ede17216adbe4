"""Say what became of a row of an import, in the words of the result file.

Called by flows/coupons/issuing/import_results.py for each row.
"""

from typing import Final

HEADER: Final = ("row", "student", "note", "outcome", "detail")
BAD: Final = "bad"
DUPLICATE: Final = "duplicate"
NOT_ISSUED_YET: Final = "not_issued_yet"
TAKEN_BACK: Final = "taken_back"


def outcome_of(fault: str | None, outcome: str | None, *, is_taken_back: bool) -> str:
    """Return the outcome of the row: that of its student's item, or why there is none."""
    if fault is not None:
        return DUPLICATE if fault == DUPLICATE else BAD
    if is_taken_back:
        return TAKEN_BACK
    return outcome or NOT_ISSUED_YET


def detail_of(fault: str | None, column: str | None, first_row: int | None) -> str:
    """Return what is wrong with the row: `row 5` has its student already, or `student: missing`."""
    if first_row is not None:
        return f"row {first_row}"
    return "" if fault is None else f"{column}: {fault}"
