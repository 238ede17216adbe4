"""Names of winners as a whole room may see them: masked, and a few at a time.

Used by the gateway for drops with `show_winners`. Pure: knows neither sockets nor who is in the room.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_NAMES: Final = 8  # in one frame; who won besides is a number
KEPT_NAMES: Final = 24  # of a drop, for those who come later
_WIDE: Final = frozenset({"W", "F"})


def mask(name: str) -> str:
    """Return the first letter or digit of the name and stars: `王*` for 王小明, `A***` for amy.

    The number of stars says nothing of the length. A name of one character is stars alone, and so is one
    without letters or digits: it would be shown whole, or is none.
    """
    found = [char for char in unicodedata.normalize("NFKC", name) if char.isalnum()]
    is_wide = bool(found) and unicodedata.east_asian_width(found[0]) in _WIDE
    stars = "*" if is_wide else "***"
    return stars if len(found) < 2 else found[0].upper()[0] + stars


@dataclass(frozen=True, slots=True)
class NamedWinners:
    """Masked names, MAX_NAMES at most, in the order of their wins. `more`: winners besides."""

    names: Sequence[str] = ()
    more: int = 0

    def __add__(self, other: "NamedWinners") -> "NamedWinners":
        """Return both together; names for which there is no place are counted."""
        names = (*self.names, *other.names)
        left_out = max(0, len(names) - MAX_NAMES)
        return NamedWinners(names[:MAX_NAMES], self.more + other.more + left_out)

    def followed_by(self, later: "NamedWinners") -> "NamedWinners":
        """Return the last KEPT_NAMES names of both, and how many won besides."""
        names = (*self.names, *later.names)
        left_out = max(0, len(names) - KEPT_NAMES)
        return NamedWinners(names[left_out:], self.more + later.more + left_out)
