"""Blocks: a student, person, device or tag that gets nothing until a time.

Used by flows/access/blocks.py on what an operator sent. Whoever is blocked wins nothing, binds no code, and
is skipped by issuances; what they have stays theirs and can be used (decision 0042).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from server.core.access.rules import HOLDER_HASH, MAX_HOLDER_HASH, MAX_REASON, RuleKind
from server.core.promotions.template_rules import (
    MAX_INSTANT,
    metadata_violations,
    text_violations,
)
from server.core.refusals import Code, Refused
from server.core.violations import Violation

MAX_TAG: Final = 64
_STUDENT = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

BLOCKED: Final = Refused(Code.BLOCKED, "this account gets nothing now: ask the school")


@dataclass(frozen=True, slots=True)
class BlockForm:
    """A block as an operator sends it. `until` (ms) None: until it is ended."""

    kind: RuleKind
    value: str
    reason: str
    until: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def violations(form: BlockForm, now: int) -> list[Violation]:
    """Return everything that is wrong with the form, in the order of its fields."""
    return [
        *_value(form),
        *_until(form.until, now),
        *text_violations("reason", form.reason.strip(), MAX_REASON),
        *metadata_violations("metadata", form.metadata),
    ]


def _value(form: BlockForm) -> Iterator[Violation]:
    if form.kind is RuleKind.STUDENT:
        if _STUDENT.fullmatch(form.value) is None:
            yield Violation("value", "bad_character")
    elif form.kind is RuleKind.TAG:
        yield from text_violations("value", form.value, MAX_TAG)
    elif len(form.value) > MAX_HOLDER_HASH:
        yield Violation("value", "too_long")
    elif HOLDER_HASH.fullmatch(form.value) is None:
        yield Violation("value", "bad_character")


def _until(until: int | None, now: int) -> Iterator[Violation]:
    if until is None:
        return
    if until <= now:
        yield Violation("until", "over")
    elif until > MAX_INSTANT:
        yield Violation("until", "too_large")
