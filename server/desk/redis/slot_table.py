"""The knowledge which primary of a cluster has which slot. Used by cluster.py; knows no connection."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot


class Address(NamedTuple):
    """Host and port of a node."""

    host: str
    port: int


def slot_of(key: str | bytes) -> int:
    """Return the hash slot of a key or of a sharded channel."""
    return key_slot(key.encode() if isinstance(key, str) else key)


class SlotTable:
    """The owner of each slot; None where none is known."""

    __slots__ = ("_owners",)

    def __init__(self) -> None:
        self._owners: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS

    @classmethod
    def read(cls, rows: Sequence[Any], asked: str) -> Self:
        """Build the table from the reply of CLUSTER SLOTS. `asked`: the host that was asked, which is meant
        where a row names none.
        """
        table = cls()
        for first, last, primary, *_ in rows:
            host, port = primary[0], primary[1]
            owner = Address(_text(host) or asked, int(port))
            table._owners[first : last + 1] = [owner] * (last + 1 - first)
        return table

    def owner(self, slot: int) -> Address | None:
        """Return the primary that has the slot."""
        return self._owners[slot]

    def move(self, slot: int, owner: Address) -> None:
        """Note the new primary of one slot."""
        self._owners[slot] = owner

    def primaries(self) -> list[Address]:
        """Return the primaries that have slots, each once."""
        return list(dict.fromkeys(owner for owner in self._owners if owner is not None))


EMPTY: Final = SlotTable()


def _text(host: bytes | str | None) -> str:
    text = host.decode() if isinstance(host, bytes) else host or ""
    return "" if text == "?" else text
