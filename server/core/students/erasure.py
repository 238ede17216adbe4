"""The pseudonym that an erasure puts in a student's place, also inside of JSON.

Used by the flow that erases and by `doctor`. Random values and the key are arguments.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

PREFIX: Final = "erased:"
# The fields of our JSON whose value, or whose list, names students. Another field with the same text, such as
# the number of a line of an order, is left as it is.
NAMING_KEYS: Final = frozenset(
    {
        "account",
        "accounts",
        "actor",
        "device",
        "from",
        "into",
        "merged_into",
        "other",
        "person",
        "student",
        "student_id",
        "students",
        "sub",
        "subject",
        "value",
    }
)


# Words about the student, in an object whose `student` they are: people may have written the id, or worse.
WORD_KEYS: Final = frozenset({"text", "url", "name", "note"})

# Why somebody did something, in free words, wherever it stands: an id among them is left out, the rest stays.
REASON_KEYS: Final = frozenset({"reason", "note"})


def pseudonym(random_text: str) -> str:
    """Return the pseudonym with these random characters: unlike a student's id, it says what it is."""
    return PREFIX + random_text


def is_pseudonym(student: str) -> bool:
    """Return whether an erasure has put this name in a student's place."""
    return student.startswith(PREFIX)


def without_id(text: str, student: str) -> str:
    """Return the text with … in place of the id, where it stands as a word of its own: `ann` is not in
    `joanna`, `ann-2` or `ann:x`, but at the end of a sentence.
    """
    before, behind = r"(?<![\w-])(?<![\w-][.:])", r"(?![\w-]|[.:][\w-])"
    return re.sub(f"{before}{re.escape(student)}{behind}", "…", text, flags=re.ASCII)


def with_pseudonym(value: Any, student: str, instead: str) -> Any:
    """Return the JSON value with `instead` wherever one of NAMING_KEYS names the student, without words
    about them, and without their id among the words of reasons.
    """
    return _replaced(value, student, instead, is_named=False)


def _replaced(value: Any, student: str, instead: str, *, is_named: bool) -> Any:
    if isinstance(value, Mapping):
        words = WORD_KEYS if value.get("student") == student else ()
        return {
            name: ""
            if name in words
            else without_id(each, student)
            if name in REASON_KEYS and isinstance(each, str)
            else _replaced(each, student, instead, is_named=name in NAMING_KEYS)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_replaced(each, student, instead, is_named=is_named) for each in value]
    return instead if is_named and value == student else value


def keyed_hash(key: bytes, student: str) -> str:
    """Return a hash that tells an erased id again, to nobody but who has the key: ids can be guessed."""
    return hmac.new(key, student.encode(), sha256).hexdigest()


def key_of(secret: str) -> bytes:
    """Return the key of an installation's hashes, derived from a secret of its tokens."""
    return hmac.new(secret.encode(), b"classdrop erasures", sha256).digest()


def key_name(key: bytes) -> str:
    """Return the name under which a hash says with which key it was made."""
    return sha256(key).hexdigest()[:12]


def hashes_of(keys: Iterable[bytes], student: str) -> dict[str, str]:
    """Return key name -> hash of the student, for each key."""
    return {key_name(key): keyed_hash(key, student) for key in keys}
