"""Claim conditions: what an account must be before it may claim of a batch.

Part of a batch (`batches.py`); the ledger and the feed keep them as JSON. Checked together with the
audience of a drop.
"""

from dataclasses import dataclass
from typing import Any, Final

from server.core.promotions.splits import Split, read_split, split_to_json


@dataclass(frozen=True, slots=True)
class ClaimConditions:
    """Conditions on an account: it has one of the tags, it is new to the school, it is in the share that an
    experiment gives the batch. Empty: any account."""

    tags: frozenset[str] = frozenset()
    new: bool = False
    split: Split | None = None

    @property
    def is_anybody(self) -> bool:
        return not self.tags and not self.new and self.split is None

    def admits(self, student: str, tags: frozenset[str], is_new: bool) -> bool:
        """Return whether an account with these tags meets the conditions."""
        if self.split is not None and not self.split.admits(student):
            return False
        return (is_new or not self.new) and (not self.tags or not self.tags.isdisjoint(tags))


ANYBODY: Final = ClaimConditions()


def conditions_to_json(conditions: ClaimConditions) -> dict[str, object]:
    """Return the conditions as the ledger and the feed keep them."""
    kept: dict[str, object] = {"tags": sorted(conditions.tags), "new": conditions.new}
    return kept if conditions.split is None else kept | {"split": split_to_json(conditions.split)}


def read_conditions(stored: Any) -> ClaimConditions:
    """Read what `conditions_to_json` wrote; None stands for no conditions."""
    if stored is None:
        return ANYBODY
    return ClaimConditions(
        frozenset(stored["tags"]), stored["new"], read_split(stored.get("split"))
    )
