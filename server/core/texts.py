"""Texts that people read: which characters they must not have.

Used by the fields of the API's bodies. A text of invisible characters alone is a name that nobody sees. A
character that turns the direction of writing makes a text read as something else than it is; scripts that
are written from right to left do not need it.
"""

import re
from typing import Final
from unicodedata import category

_SLUG: Final = re.compile("[0-9a-z]{10}")
_TURNS_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Letters, marks and symbols without ink: fillers, joiners, selectors, the blank of braille.
_WITHOUT_INK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


def is_slug(text: str) -> bool:
    """Return whether the text can be the name of a link in its address."""
    return _SLUG.fullmatch(text) is not None


def text_fault(text: str) -> str | None:
    """Return `bidi_control` or `invisible`; None if the text may be shown.

    An empty text has no fault of this kind, and neither has one of white space alone: where a text is
    required, that is `too_short`.
    """
    if _TURNS_DIRECTION.search(text):
        return "bidi_control"
    if text.strip() and all(map(_is_invisible, text)):
        return "invisible"
    return None


def _is_invisible(character: str) -> bool:
    return category(character) in _INVISIBLE or bool(_WITHOUT_INK.match(character))
