"""Recurring sends: a small part of RFC 5545's RRULE, in the school's time.

Used by flows/coupons/issuing/issue.py for what an operator writes, and by drive_issuances.py for the next
time. A rule counts in the clock of the school: "every Monday at nine" stays at nine when summer time begins.
A time that the clock skips happens once, right after the gap, and a time that it shows twice happens at the
first of the two.
"""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

MAX_RULE: Final = 200
_PARTS: Final = frozenset({"FREQ", "INTERVAL", "BYDAY", "COUNT", "UNTIL"})
_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY"})
_WEEKDAYS: Final = frozenset({"MO", "TU", "WE", "TH", "FR", "SA", "SU"})
_DAY_ALONE: Final = re.compile(r"\d{8}")
_MAX_INTERVAL: Final = 53


def rule_fault(rule: str, first_at: int, zone: ZoneInfo) -> str | None:
    """Return the code of what is wrong with the rule; None if nothing is.

    It may say FREQ (DAILY or WEEKLY), INTERVAL, BYDAY, and COUNT or UNTIL.
    """
    parts = [part.partition("=") for part in rule.split(";")]
    names = [name for name, _, _ in parts]
    values = {name: value for name, _, value in parts}
    if len(rule) > MAX_RULE or len(set(names)) != len(names):
        return "bad_format"
    if not _PARTS.issuperset(names) or values.get("FREQ") not in _FREQUENCIES:
        return "unsupported"
    if "COUNT" in values and "UNTIL" in values:
        return "conflict"
    if "BYDAY" in values and not _WEEKDAYS.issuperset(values["BYDAY"].split(",")):
        return "bad_format"  # "1MO", the first Monday, is for longer frequencies
    if not 1 <= _number(values.get("INTERVAL", "1")) <= _MAX_INTERVAL:
        return "bad_format"
    try:
        following = next_time(rule, first_at, first_at - 1, zone)
    except (ValueError, TypeError):
        return "bad_format"
    return None if following is not None else "empty"


def next_time(rule: str, first_at: int, after: int, zone: ZoneInfo) -> int | None:
    """Return the first time of the rule after `after`; None if there is none. `first_at` is the first send,
    from which the rule counts. All in ms UTC.
    """
    start, behind = _local(first_at, zone), _local(after, zone)
    times = rrulestr(_in_local_time(rule, zone), dtstart=start)
    # Local times can lie in another order than instants within an hour of a change: look at two.
    for local in times.xafter(behind.replace(microsecond=0), count=3, inc=True):
        at = int(local.replace(tzinfo=zone).timestamp() * 1000)
        if at > after:
            return at
    return None


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at // 1000, zone).replace(tzinfo=None)


def _in_local_time(rule: str, zone: ZoneInfo) -> str:
    """Return the rule with UNTIL as local time, because everything else is. A day alone counts as a whole."""
    parts = []
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name == "UNTIL" and value.endswith("Z"):
            until = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            part = f"UNTIL={until.astimezone(zone):%Y%m%dT%H%M%S}"  # noqa: PLW2901
        elif name == "UNTIL" and _DAY_ALONE.fullmatch(value):
            part = f"UNTIL={value}T235959"  # noqa: PLW2901
        parts.append(part)
    return ";".join(parts)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
