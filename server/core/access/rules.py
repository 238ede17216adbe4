"""Access rules as they are stored: blocks, revocations of tokens, stops of instructors.

Made by flows/access, stored by ledger/access, published by the API. A rule is in force until it is ended or
its time is over. What a rule of each kind does is in blocks.py, revocations.py and instructors.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MAX_REASON: Final = 200
MAX_VALUE: Final = 200
MAX_HOLDER_HASH: Final = 128
# What tokens may say as `person` and `device`: printable ASCII without spaces and without "|".
HOLDER_HASH: Final = re.compile(r"[!-{}~]{1,128}")
# Each web process keeps those in force in memory, some 300 bytes each.
MAX_IN_FORCE: Final = 50_000


class RuleKind(StrEnum):
    """The things that the value of a rule may name."""

    STUDENT = "student"
    PERSON = "person"
    DEVICE = "device"
    TAG = "tag"
    JTI = "jti"
    SUBJECT = "sub"
    MADE_BEFORE = "made_before"
    INSTRUCTOR = "instructor"

    # Rules are looked up by kind for each tap; the hash of Enum would be a Python call.
    __hash__ = str.__hash__


BLOCKS: Final = (RuleKind.STUDENT, RuleKind.PERSON, RuleKind.DEVICE, RuleKind.TAG)
REVOCATIONS: Final = (RuleKind.JTI, RuleKind.SUBJECT, RuleKind.MADE_BEFORE)


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One rule. Instants are ms.

    `made_before`: of a revocation by subject or by time, the instant from which tokens are good again.
    `until`: when the rule ends by itself; None: not before somebody ends it. `version`: that of all rules
    when this one was changed last. `metadata`: for the school; not read where changes are followed.
    """

    id: str
    kind: RuleKind
    value: str
    reason: str
    created_by: str
    created_at: int
    made_before: int | None = None
    until: int | None = None
    ended_by: str | None = None
    ended_at: int | None = None
    version: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)

    def is_in_force(self, now: int) -> bool:
        return self.ended_at is None and (self.until is None or now < self.until)
