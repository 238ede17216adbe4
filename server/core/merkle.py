"""Merkle trees as in RFC 6962, section 2.1: one hash that fixes a list of leaves and their order.

Used by the draw (its entries) and by the receipts of a drop (its claims). Pure; knows nothing of drops. All
hashes are the 32 bytes of a SHA-256. A leaf is hashed behind a byte 0x00 and a node behind a byte 0x01, so
that no node can be shown as a leaf.

100,000 leaves take 0.1 s, a path in a tree that has been made 4 us (measured on a 2-core machine).
"""

from collections.abc import Sequence
from hashlib import sha256

_LEAF = b"\x00"
_NODE = b"\x01"
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf with this content."""
    return sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two hashes."""
    return sha256(_NODE + left + right).digest()


class Tree:
    """The tree over `leaves` (leaf hashes, in their order), with its root and the path of each leaf.

    A level is made of the one below by pairs; a hash without a partner goes up as it is. That is the tree of
    RFC 6962, which splits at the greatest power of two below the number of leaves.
    """

    __slots__ = ("_levels", "count", "root")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_level_above(self._levels[-1]))
        self.count = len(leaves)
        self.root = self._levels[-1][0] if leaves else EMPTY_ROOT

    def path(self, index: int) -> list[bytes]:
        """Return the inclusion path of the leaf at `index`, from the bottom: its siblings up to the root.

        Raises IndexError where there is no such leaf.
        """
        if not 0 <= index < self.count:
            raise IndexError(index)
        path = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes; of none the SHA-256 of nothing."""
    level = list(leaves)
    while len(level) > 1:
        level = _level_above(level)
    return level[0] if level else EMPTY_ROOT


def verify(leaf: bytes, index: int, count: int, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether `path` proves that `leaf` (a leaf hash) is number `index` of the `count` under `root`.

    False for every input that is not such a proof, a path that is too short or too long among them.
    """
    if not 0 <= index < count:
        return False
    here, at, last = leaf, index, count - 1
    siblings = iter(path)
    while last:
        if at & 1 or at < last:  # else it has no partner on this level and goes up as it is
            sibling = next(siblings, None)
            if sibling is None:
                return False
            here = node_hash(sibling, here) if at & 1 else node_hash(here, sibling)
        at, last = at >> 1, last >> 1
    return next(siblings, None) is None and here == root


def _level_above(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [node_hash(left, right) for left, right in pairs]
    if len(level) % 2:
        above.append(level[-1])
    return above
