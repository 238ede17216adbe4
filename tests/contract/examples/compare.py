"""Compare a kept example with what was sent and answered now: by fields, kinds of values, and states.

Ids, codes, hashes and times are others in each run. A reply may have more fields than its example, as it may
for every client; a request has the same ones. Of a list one item has to be as in the example: where rows
are of one millisecond, their order is not promised.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# What a reader of an example goes by: these are the same in each run.
_FIXED = frozenset({"state", "outcome", "kind", "currency", "channel"})
# Objects whose fields follow from what happened.
_OPEN = frozenset({"facts", "details", "data", "why"})


def differences(kept: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs, with its place."""
    if not kept:
        yield "has no example"
        return
    yield from _compared("request", kept["request"], sent["request"])
    yield from _compared("request", sent["request"], kept["request"])
    yield from _compared("response", kept["response"], sent["response"])


def _compared(place: str, kept: Any, now: Any) -> Iterator[str]:
    if kept is None or now is None:
        return  # a field that may be null
    if _kind(kept) is not _kind(now):
        yield f"{place}: {kept!r} and now {now!r}"
    elif isinstance(kept, dict):
        yield from _compared_fields(place, kept, now)
    elif isinstance(kept, list) and kept and now:
        found = [list(_compared(f"{place}.0", kept[0], each)) for each in now]
        yield from min(found, key=len)
    elif place.rpartition(".")[2] in _FIXED and kept != now:
        yield f"{place}: {kept!r} and now {now!r}"


def _compared_fields(place: str, kept: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, value in kept.items():
        if name in _OPEN:
            continue
        if name in now:
            yield from _compared(f"{place}.{name}", value, now[name])
        else:
            yield f"{place}.{name} is there no more"


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)
