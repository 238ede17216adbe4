"""Room cards: how much of a drop its room sees. A card has a bound.

Used by `desk/feed/room_drops.py` before a drop is written to the feed, so that the feed, each gateway and
each student's frame stay small, and by `server.frames.wire_state` for a room's whole state. A shortened scope
never looks wider than it is: each list of ids keeps at least one, and `more` says how many others there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from server.core.drops.drops import RoomDrop

# A template may name 2,000 ids of 64 characters: 400 KB, sent to ten thousand students within one second.
# With a scope of 4 KB the largest card is 20 KB: 1.6 s of a line of 1 Gbit/s for a class of ten thousand.
MAX_SCOPE_BYTES: Final = 4 * 1024
_LISTED_IDS: Final = 5  # of each list of a scope that is too large; cards show three
_SCOPE_LISTS: Final = ("courses", "packages", "except_courses", "except_packages")
_NAMED: Final = ("courses", "packages")


def bounded(drop: RoomDrop) -> RoomDrop:
    """Return the drop as its room sees it."""
    if _size(drop.scope) <= MAX_SCOPE_BYTES:
        return drop
    return replace(drop, scope=shortened(drop.scope, _LISTED_IDS))


def shortened(scope: Mapping[str, Any], listed: int) -> Mapping[str, Any]:
    """Return the scope with at most `listed` ids of each list. `more` counts the courses and packages that
    were left out."""
    lists = {name: scope[name] for name in _SCOPE_LISTS if name in scope}
    if all(len(ids) <= listed for ids in lists.values()):
        return scope
    left_out = sum(max(0, len(lists.get(name, ())) - listed) for name in _NAMED)
    kept = {name: ids[:listed] for name, ids in lists.items()}
    return {**scope, **kept, "more": scope.get("more", 0) + left_out}


def _size(scope: Mapping[str, Any]) -> int:
    """Return about as many bytes as its JSON has."""
    lists: list[Sequence[str]] = [scope.get(name, ()) for name in _SCOPE_LISTS]
    # 3: quotes and comma.
    return sum(len(one.encode()) + 3 for ids in lists for one in ids)
