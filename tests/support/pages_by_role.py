"""Reads the table of pages and roles in REFERENCE.md."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REFERENCE = Path(__file__).parents[2] / "server" / "REFERENCE.md"


class PageOfRow(NamedTuple):
    """A line of the table."""

    row: str
    page: str
    roles: tuple[str, ...]


def pages_of_rows() -> Iterator[PageOfRow]:
    """Yield the lines of the table in their order."""
    section = REFERENCE.read_text().partition("## Pages by what is done on them")[2]
    for row, page, roles in re.findall(
        r"^\| (\w+) \| .+ \| `(.+)` \| (.+) \|$", section.partition("\n## ")[0], re.M
    ):
        yield PageOfRow(row, page, tuple(roles.split(", ")))
