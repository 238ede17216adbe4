"""CSV in every form that people's programs write is read back as it was written."""

import codecs
import csv
import io
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from server.core.audiences.csv_text import (
    DELIMITERS,
    GB18030,
    UTF_8,
    UTF_16_BE,
    UTF_16_LE,
    read_csv,
)
from server.core.audiences.import_cells import read_student
from server.core.audiences.import_rows import FileRefusedError, read_table

# How programs write: the encoding, and the mark before it.
FORMS = {
    "utf-8": (UTF_8, b""),
    "utf-8 with its mark": (UTF_8, codecs.BOM_UTF8),
    "gb18030": (GB18030, b""),
    "utf-16-le": (UTF_16_LE, codecs.BOM_UTF16_LE),
    "utf-16-be": (UTF_16_BE, codecs.BOM_UTF16_BE),
}


def written(
    rows: Sequence[Sequence[str]], form: str, delimiter: str = ",", end: str = "\r\n"
) -> bytes:
    file = io.StringIO(newline="")
    # Python's writer alone leaves an end of line that is not its own without quotes.
    has_lines = any(mark in cell for row in rows for cell in row for mark in "\r\n")
    quoting: Final = csv.QUOTE_ALL if has_lines else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows(rows)
    encoding, mark = FORMS[form]
    return mark + file.getvalue().encode(encoding)


_IDS = st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True).filter(
    lambda text: read_student(text) == text
)
_NOTES = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(',;\t"\n\r'))


@given(
    rows=st.lists(st.tuples(_IDS, _NOTES), min_size=1),
    form=st.sampled_from(sorted(FORMS)),
    delimiter=st.sampled_from(DELIMITERS),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    has_header=st.booleans(),
)
@example(rows=[("0", ";\xa0")], form="gb18030", delimiter="\t", end="\r\n", has_header=False)
def test_what_was_written_is_read_back(
    rows: list[tuple[str, str]], form: str, delimiter: str, end: str, has_header: bool
) -> None:
    whole = [("学号", "备注"), *rows] if has_header else rows
    content = written(whole, form, delimiter, end)
    if form == "gb18030":
        assume(not _is_utf_8(content))  # bytes that are both are read as UTF-8

    found = read_csv(content)

    assert (found.encoding, found.delimiter) == (FORMS[form][0], delimiter)
    assert [tuple(record) for record in found.records()] == whole


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.binary(max_size=300), st.sampled_from([None, "gbk", "utf-16", "utf-8"]))
def test_any_bytes_are_rows_or_a_refusal(content: bytes, charset: str | None) -> None:
    try:
        found = read_table(read_csv(content, charset).records())
    except FileRefusedError:
        return
    assert found.counts.rows == len(found.rows)


@pytest.mark.parametrize("encoding", [UTF_16_LE, UTF_16_BE])
def test_utf_16_without_its_mark_is_known_by_its_zeros(encoding: str) -> None:
    assert read_csv("学号\r\nann\r\n".encode(encoding)).encoding == encoding


def test_a_named_charset_goes_before_a_guess_and_a_mark_before_it() -> None:
    both = "ann,牡".encode("gbk")  # valid UTF-8 as well
    assert list(read_csv(both).records()) == [["ann", "ĵ"]]
    assert list(read_csv(both, "GBK").records()) == [["ann", "牡"]]
    assert read_csv(codecs.BOM_UTF8 + b"ann", "gbk").encoding == UTF_8
    assert read_csv("ann".encode(UTF_16_LE), "utf-16").encoding == UTF_16_LE


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("ann", ","),
        ("", ","),
        ("ann;hello, world", ";"),
        ("ann\thello; world, all", "\t"),
        ("学号;备注\nann;a,b", ";"),
        ("姓名;学号\n安;ann", ";"),
        ("sep=\t\nann\tx;y", "\t"),
        ("SEP=;\r\nann;x", ";"),
        ("sep=|\nann", ","),
        ('ann,"never closed', ","),
    ],
)
def test_the_delimiter_is_the_one_that_leaves_ids(text: str, delimiter: str) -> None:
    assert read_csv(text.encode()).delimiter == delimiter


def test_the_line_that_names_the_delimiter_is_no_row() -> None:
    assert list(read_csv(b"sep=;\r\nann;x\r\n").records()) == [["ann", "x"]]


@pytest.mark.parametrize("content", [b'ann\nbob\n"never closed\n', b'ann\nbob\n"x" y\n'])
def test_wrong_quotes_are_refused_with_their_row(content: bytes) -> None:
    with pytest.raises(FileRefusedError) as refused:
        list(read_csv(content).records())
    assert (refused.value.field, refused.value.code) == ("rows.3", "bad_quotes")
    assert "row 3" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (b"\xff\xff", None),
        (b"\xc4\xe3", "utf-8"),
        (b"a\0b", None),
        ("student\nann\n".encode("utf-32"), None),
        (b"student\na\0b\n", "utf-8"),
    ],
)
def test_bytes_in_no_encoding_are_refused(content: bytes, charset: str | None) -> None:
    with pytest.raises(FileRefusedError) as refused:
        read_csv(content, charset)
    assert refused.value.code == "bad_encoding"
