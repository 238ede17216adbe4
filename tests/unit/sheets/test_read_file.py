"""The program that reads a file: its lines, and which cells and sheets of a workbook count."""

import io
from datetime import datetime
from pathlib import Path

import orjson
import pytest
import xlsxwriter
from python_calamine import load_workbook

from server.core.audiences.import_rows import FileRefusedError
from server.core.audiences.imports import RowFault
from server.sheets import workbook
from server.sheets.read_file import LINE_ROWS, lines_of
from server.sheets.workbook import read_workbook
from server.sheets.write_workbook import Cell, write_workbook


def test_the_first_line_says_what_was_found_and_the_others_have_the_rows() -> None:
    content = b"student\n" + b"".join(b"s%d\n" % number for number in range(LINE_ROWS + 1))

    head, *lines = map(orjson.loads, lines_of(content, None))

    assert (head["kind"], head["encoding"], head["counts"]["good"]) == (
        "csv",
        "utf-8",
        LINE_ROWS + 1,
    )
    assert [len(line) for line in lines] == [LINE_ROWS, 1]
    assert lines[0][0] == [2, "s0", None, None, None, None, None]


def test_a_file_that_is_refused_has_one_line() -> None:
    (line,) = lines_of(b"", None)
    assert orjson.loads(line)["refused"]["code"] == "empty"


def test_the_first_sheet_that_people_see_is_read_from_its_first_row() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        hidden, shown = book.add_worksheet(), book.add_worksheet()
        hidden.write(0, 0, "hidden")
        shown.activate()
        shown.set_first_sheet()
        hidden.hide()
        shown.write(1, 1, "ann")
        shown.write_datetime(2, 1, datetime(2026, 3, 1), book.add_format({"num_format": "d.m.yy"}))  # noqa: DTZ001

    assert list(read_workbook(file.getvalue())) == [["", ""], ["", "ann"], ["", RowFault.IS_DATE]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (workbook.OLE_MARK + b"x" * 100, "old_format"),
        (workbook.OLE_MARK + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (workbook.ZIP_MARK + b"x" * 100, "damaged"),
    ],
)
def test_another_file_is_refused_by_name(content: bytes, code: str) -> None:
    with pytest.raises(FileRefusedError) as refused:
        list(read_workbook(content))
    assert refused.value.code == code


@pytest.mark.parametrize("content", [b"x" * 100, b""])
def test_a_damaged_file_is_told_in_words_of_ours(content: bytes) -> None:
    with pytest.raises(FileRefusedError, match="the file is not a whole XLSX file"):
        list(read_workbook(workbook.ZIP_MARK + content))


@pytest.mark.parametrize(
    ("rows", "read"),
    [
        ([["2", "=1+1"], [10**12, "https://x.y"]], [["2", "'=1+1"], [1e12, "https://x.y"]]),
        ([], []),
    ],
    ids=["text stays text and is no formula", "the header is there without rows"],
)
def test_a_workbook_holds_what_was_written(
    tmp_path: Path, rows: list[list[Cell]], read: list[list[object]]
) -> None:
    header = ["row", "student"]
    path = tmp_path / "written.xlsx"

    write_workbook([orjson.dumps([header]), orjson.dumps(rows)], str(path))

    sheet = load_workbook(str(path)).get_sheet_by_index(0)
    assert sheet.to_python() == [header, *read]
