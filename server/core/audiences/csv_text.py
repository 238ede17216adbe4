"""Read CSV as people's programs write it: find its encoding and its delimiter, return its records.

Called by the program that reads a file (server/sheets/read_file.py). Excel alone writes four encodings,
and `;` where the comma is the decimal sign.
"""

import csv
import io
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from server.core.audiences.import_cells import read_student
from server.core.audiences.import_columns import is_header
from server.core.audiences.import_rows import FileRefusedError
from server.core.audiences.imports import RowFault

UTF_8: Final = "utf-8"
GB18030: Final = "gb18030"
UTF_16_LE: Final = "utf-16-le"
UTF_16_BE: Final = "utf-16-be"
# What a Content-Type may call the encodings that are read.
CHARSETS: Final[Mapping[str, str | None]] = {
    "utf-8": UTF_8,
    "utf8": UTF_8,
    "us-ascii": UTF_8,
    "gb18030": GB18030,
    "gbk": GB18030,
    "gb2312": GB18030,
    "cp936": GB18030,
    "utf-16": None,  # which half comes first is for the bytes to say
    "utf-16le": UTF_16_LE,
    "utf-16be": UTF_16_BE,
}
DELIMITERS: Final = (",", ";", "\t")
_MARKS: Final = ((BOM_UTF8, UTF_8), (BOM_UTF16_LE, UTF_16_LE), (BOM_UTF16_BE, UTF_16_BE))
_LOOKED_AT: Final = 64 * 1024  # bytes and characters from which encoding and delimiter are guessed
_SAMPLE_RECORDS: Final = 50
_MAX_FIELD: Final = 100_000  # characters: a longer one is a quote that was never closed


@dataclass(frozen=True, slots=True)
class CsvText:
    """A decoded file. `delimiter` is one of DELIMITERS."""

    text: str
    encoding: str
    delimiter: str

    def records(self) -> Iterator[list[str]]:
        """Yield the records; raise FileRefusedError where the quotes of one are wrong."""
        reader = _reader(self.text, self.delimiter)
        number = 0
        while True:
            number += 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error:
                detail = f"the quotes of row {number} are wrong, or it is far too long"
                raise FileRefusedError(f"rows.{number}", "bad_quotes", detail) from None
            yield record


def read_csv(content: bytes, charset: str | None = None) -> CsvText:
    """Decode the file and find its delimiter.

    `charset`: one of CHARSETS, as the sender names it; a byte order mark goes before it. Raises
    FileRefusedError for bytes in no encoding that is read.
    """
    encoding, start = _encoding_of(content, charset)
    try:
        text = content[start:].decode(encoding)
    except UnicodeDecodeError:
        raise FileRefusedError("", "bad_encoding", f"the file is not {encoding}") from None
    if "\0" in text:  # UTF-32, or no text at all: every row would be a bad one
        raise FileRefusedError(
            "", "bad_encoding", "the file is no text of an encoding that is read"
        )
    text, delimiter = _without_directive(text)
    return CsvText(text, encoding, delimiter or _delimiter_of(text))


def _encoding_of(content: bytes, charset: str | None) -> tuple[str, int]:
    """Return the encoding and where the text begins."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, len(mark)
    named = CHARSETS.get((charset or "").lower())
    if named is not None:
        return named, 0
    return _guess(content), 0


def _guess(content: bytes) -> str:
    """Return the encoding of a file without a mark. GB18030 text is almost never valid UTF-8."""
    head = content[: _LOOKED_AT & ~1]
    if b"\0" in head:
        # Ids are ASCII, so most of the zero bytes are the higher halves.
        return UTF_16_BE if head[::2].count(0) > head[1::2].count(0) else UTF_16_LE
    try:
        content.decode(UTF_8)
    except UnicodeDecodeError:
        return GB18030
    return UTF_8


def _without_directive(text: str) -> tuple[str, str | None]:
    """Take off Excel's first line `sep=;`, which names the delimiter. Excel does not count it as a row."""
    line, _, rest = text.partition("\n")
    line = line.rstrip("\r").lower()
    if line.startswith("sep=") and line[4:] in DELIMITERS:
        return rest, line[4:]
    return text, None


def _delimiter_of(text: str) -> str:
    """Return the delimiter with which the first column of the most records holds an id: no id has a
    delimiter in it."""
    head = text[:_LOOKED_AT]
    return max(DELIMITERS, key=lambda delimiter: _score(head, delimiter))


def _score(head: str, delimiter: str) -> tuple[bool, int, int, int]:
    """Return whether a header was found, how many first cells are ids, how many of these as they stand (a tab
    at the end of one is the delimiter, and would be mended), and how wide the records are."""
    records = _first_records(head, delimiter)
    if not records:
        return False, 0, 0, 0
    cells = [record[0] for record in records if record]
    ids = [cell for cell in cells if not isinstance(read_student(cell), RowFault)]
    as_they_stand = sum(read_student(cell) == cell for cell in ids)
    width = max(map(len, records)) if ids else 0
    return is_header(records[0]), len(ids), as_they_stand, width


def _first_records(head: str, delimiter: str) -> list[list[str]]:
    records: list[list[str]] = []
    with suppress(csv.Error):  # the head may end within quotes
        for record in islice(_reader(head, delimiter), _SAMPLE_RECORDS):
            records.append(record)  # noqa: PERF402 - what came before an error counts
    return records


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_MAX_FIELD)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
