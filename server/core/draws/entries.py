"""Entries: one student's place in a draw, and the leaf that stands for it in the seal.

Made by the desk at a tap. Used by the wire, which shows its student the receipt, and by the flows, which seal
all leaves. A leaf tells nobody who it is: its pseudonym is random, and told to its student alone.
"""

from typing import NamedTuple

from server.core.instants import to_text
from server.core.merkle import leaf_hash

PSEUDONYM_BYTES = 8
RANDOM_BYTES = 16  # of the client; half as much for a guess would still be beyond reach


class Entry(NamedTuple):
    """One entry. `number` (`index` in JSON) counts from 0 in the order in which the desk took them;
    `entered_at` is in ms by its clock. `pseudonym` and `client_random` are hexadecimal digits.

    A tuple, because thousands are made in a second.
    """

    number: int
    pseudonym: str
    request_id: str
    entered_at: int
    client_random: str

    def leaf(self, drop_id: str) -> bytes:
        """Return the leaf hash: that of the five parts which the receipt shows, as text."""
        return leaf_of(
            drop_id, self.pseudonym, self.request_id, to_text(self.entered_at), self.client_random
        )

    def receipt(self, drop_id: str) -> dict[str, object]:
        """Return the JSON that its student keeps."""
        return {
            "drop_id": drop_id,
            "index": self.number,
            "pseudonym": self.pseudonym,
            "request_id": self.request_id,
            "entered_at": to_text(self.entered_at),
            "client_random": self.client_random,
            "leaf": self.leaf(drop_id).hex(),
        }


def leaf_of(
    drop_id: str, pseudonym: str, request_id: str, entered_at: str, client_random: str
) -> bytes:
    """Return the leaf hash of these parts; none of them may contain a `|`."""
    parts = (drop_id, pseudonym, request_id, entered_at, client_random)
    return leaf_hash("|".join(parts).encode())
