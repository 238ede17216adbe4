"""What an account must be before it may claim of a batch.

Part of a batch (`batches.py`), kept by the ledger and the feed as JSON, and checked with the audience of a
drop.
"""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class ClaimConditions:
    """What an account must be to claim of a batch: have one of the tags, be new to the school. Empty =
    any account."""

    tags: frozenset[str] = frozenset()
    new: bool = False

    @property
    def is_anybody(self) -> bool:
        return not self.tags and not self.new

    def admits(self, tags: frozenset[str], is_new: bool) -> bool:
        return (is_new or not self.new) and (not self.tags or not self.tags.isdisjoint(tags))


ANYBODY: Final = ClaimConditions()


def conditions_to_json(conditions: ClaimConditions) -> dict[str, object]:
    """As the ledger and the feed keep them."""
    return {"tags": sorted(conditions.tags), "new": conditions.new}


def read_conditions(stored: Any) -> ClaimConditions:
    """What `conditions_to_json` made; None is anybody."""
    if stored is None:
        return ANYBODY
    return ClaimConditions(frozenset(stored["tags"]), stored["new"])
