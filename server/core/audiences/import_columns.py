"""Find the columns of an import: by its header, or by their order where it has none.

Called by import_rows.py with the first row of the file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

_STUDENT: Final = frozenset(
    [
        "student",
        "students",
        "studentid",
        "studentno",
        "studentnumber",
        "学员id",
        "学员编号",
        "学员",
        "学号",
        "学生id",
        "学生编号",
        "学生",
    ]
)
# Names of a header that say less: used where no other names the student.
_PERHAPS: Final = frozenset(["id", "uid", "userid", "user", "用户id", "编号"])
_NOTE: Final = frozenset(["note", "notes", "remark", "remarks", "comment", "备注", "说明", "附注"])
# Columns with a meaning that is not built: ignoring them would issue something else than was asked for.
_NOT_BUILT: Final = frozenset(
    ["count", "quantity", "number", "amount", "数量", "张数", "份数", "金额"]
)
_BETWEEN_WORDS: Final = re.compile(r"[\s_\-]+")
_MAX_NAME: Final = 60
MAX_IGNORED: Final = 50


@dataclass(frozen=True, slots=True)
class Columns:
    """The places of student and note, counted from 0. `ignored` names the other columns."""

    student: int
    note: int | None
    ignored: tuple[str, ...] = ()
    has_header: bool = True


@dataclass(frozen=True, slots=True)
class ColumnFault:
    """A header that cannot be used: `name` of the column and the code."""

    name: str
    code: str


def find_columns(first_row: Sequence[str]) -> Columns | ColumnFault:
    """Return the columns. A first row that names no column of ours is a row like the others."""
    keys = [_key(cell) for cell in first_row]
    unbuilt = next(
        (name for name, key in zip(first_row, keys, strict=True) if key in _NOT_BUILT), ""
    )
    students = _places(keys, _STUDENT) or _places(keys, _PERHAPS)
    notes = _places(keys, _NOTE)
    if not students and not notes:
        return _by_order(first_row)
    if unbuilt:
        return ColumnFault(unbuilt.strip()[:_MAX_NAME], "unsupported")
    if not students:
        return ColumnFault("student", "missing")
    if len(students) > 1 or len(notes) > 1:
        return ColumnFault("student" if len(students) > 1 else "note", "ambiguous")
    used = {students[0], *notes}
    ignored = [
        cell.strip()[:_MAX_NAME]
        for place, cell in enumerate(first_row)
        if place not in used and cell.strip()
    ]
    return Columns(students[0], notes[0] if notes else None, tuple(ignored[:MAX_IGNORED]))


def _by_order(first_row: Sequence[str]) -> Columns:
    ignored = tuple(str(number) for number in range(3, min(len(first_row), MAX_IGNORED) + 1))
    return Columns(0, 1, ignored, has_header=False)


def is_header(first_row: Sequence[str]) -> bool:
    """Return whether the row names the column of the students."""
    keys = [_key(cell) for cell in first_row]
    return bool(_places(keys, _STUDENT) or _places(keys, _PERHAPS))


def _key(cell: str) -> str:
    return _BETWEEN_WORDS.sub("", normalize("NFKC", cell[:_MAX_NAME]).strip("\ufeff").casefold())


def _places(keys: Sequence[str], names: frozenset[str]) -> list[int]:
    return [place for place, key in enumerate(keys) if key in names]
