"""The masked names of one room: those that were not sent yet, and the last ones that were.

Used by `winners.py`; a part of `Room`. Bounded: a few names for each drop, and the ids of winners who are
members of this gateway, until their drop leaves the room.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from server.core.drops.winner_names import NamedWinners


class WinnerNames:
    def __init__(self) -> None:
        self._known: defaultdict[str, set[str]] = defaultdict(set)  # drop -> students, noted once
        self._noted: dict[str, NamedWinners] = {}
        self._heard: dict[str, NamedWinners] = {}
        self._told: dict[str, NamedWinners] = {}

    @property
    def told(self) -> Mapping[str, NamedWinners]:
        """The last names that the room was told of each drop; who comes later gets them after the welcome."""
        return self._told

    def know(self, told: Mapping[str, NamedWinners]) -> None:
        """Take what the room was told before it was opened here."""
        self._told.update(told)

    @property
    def is_empty(self) -> bool:
        return not (self._known or self._heard)

    def note(self, drop_id: str, student: str, name: str) -> None:
        """Note a winner of this gateway by their masked name. A confirmation may come twice."""
        if student not in self._known[drop_id]:
            self._known[drop_id].add(student)
            self._noted[drop_id] = self._noted.get(drop_id, NamedWinners()) + NamedWinners((name,))

    def hear(self, drop_id: str, named: NamedWinners) -> None:
        """Take what a gateway, this one included, told of its winners."""
        self._heard[drop_id] = self._heard.get(drop_id, NamedWinners()) + named

    def take_noted(self, shown: Collection[str]) -> dict[str, NamedWinners]:
        """Return what was noted since the last call. Drops that are not shown any more are forgotten."""
        for drop_id in [one for one in self._known if one not in shown]:
            del self._known[drop_id]
        noted, self._noted = self._noted, {}
        return noted

    def take_heard(self, shown: Collection[str]) -> dict[str, NamedWinners]:
        """Return what was heard since the last call of drops that are `shown`, and keep it as told."""
        heard, self._heard = self._heard, {}
        self._told = {drop_id: one for drop_id, one in self._told.items() if drop_id in shown}
        for drop_id, named in heard.items():
            if drop_id in shown:
                self._told[drop_id] = self._told.get(drop_id, NamedWinners()).followed_by(named)
        return {drop_id: named for drop_id, named in heard.items() if drop_id in shown}
