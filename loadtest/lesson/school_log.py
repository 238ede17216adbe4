"""The coupons that the school's back end issued during a lesson, and the verdict on the event log.

`SchoolLog` is written by the Locust user `SchoolBackend`. A worker process of Locust's sends its changes to
the master process, which merges them. `judge_events` is pure. Must not know Locust.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from client_sdk.python import Api
from client_sdk.python.shapes import Event
from loadtest.clients.school_api import api_as
from loadtest.verdict import Finding, Rule

CONFIRMED: Final = "coupon.confirmed"
_PAGE: Final = 1_000
_LOG: Final = "event log"
_PAUSE_S: Final = 0.2


class SchoolData(TypedDict):
    """The changes that one process sends to another."""

    first_seq: int | None
    issued: list[list[Any]]


@dataclass(slots=True)
class SchoolLog:
    """`first_seq`: events after this number belong to the lesson; None: the back end took no part.
    `issued`: coupon id -> its student, of the coupons that the back end gave without a tap. `delivered`:
    coupons whose event came to the back end's webhook, if `has_receiver`. A receiver is in the process that
    judges, so that these two are not sent from one process to another."""

    first_seq: int | None = None
    issued: dict[str, str] = field(default_factory=dict)
    has_receiver: bool = False
    delivered: set[str] = field(default_factory=set)

    def changes(self) -> SchoolData:
        """Return all of it: one back end issues a few hundred coupons in a lesson."""
        return {"first_seq": self.first_seq, "issued": [[*one] for one in self.issued.items()]}

    def merge(self, data: SchoolData) -> None:
        if data["first_seq"] is not None:
            self.first_seq = data["first_seq"]
        self.issued.update((coupon_id, student) for coupon_id, student in data["issued"])


async def judge_school(
    log: SchoolLog, confirmed: Collection[str], url: str, token: str, deadline_s: float
) -> list[Finding]:
    """Read the lesson's events and judge them; `token` is the back end's.

    `confirmed`: ids of the coupons that students were told are theirs. Events may come a moment later, so the
    log is read, and the webhook waited for, until they have them all, `deadline_s` at most. Raises the SDK's
    ApiError.
    """
    if log.first_seq is None:
        return []
    wanted = {*confirmed, *log.issued}
    give_up_at = time.monotonic() + deadline_s
    events: list[Event] = []
    async with api_as(url, token) as api:
        while True:
            events += await _read_on(api, events[-1]["seq"] if events else log.first_seq)
            has_all = wanted <= _owners(events).keys()
            if log.has_receiver:
                has_all = has_all and wanted <= log.delivered
            if has_all or time.monotonic() > give_up_at:
                found = judge_events(events, log.first_seq, confirmed, log.issued)
                return found + judge_deliveries(events, log)
            await asyncio.sleep(_PAUSE_S)


async def _read_on(api: Api, after: int) -> list[Event]:
    events: list[Event] = []
    while page := (await api.read_events(after, limit=_PAGE))["events"]:
        events += page
        after = page[-1]["seq"]
    return events


def judge_events(
    events: Sequence[Event], first_seq: int, confirmed: Collection[str], issued: Mapping[str, str]
) -> list[Finding]:
    """Return what is wrong with the events after `first_seq`, in the order in which they were read."""
    owners = _owners(events)
    counts = Counter(one["subject"] for one in events if one["type"] == CONFIRMED)
    expected = range(first_seq + 1, first_seq + 1 + len(events))
    strangers = {
        coupon_id
        for coupon_id, student in issued.items()
        if coupon_id in owners and owners[coupon_id] != student
    }
    return [
        *_found(Rule.EVENT_ORDER, "numbers with a gap", _unequal(events, expected)),
        *_found(Rule.EVENT_DOUBLED, "confirmed twice", (one for one in counts if counts[one] > 1)),
        *_found(
            Rule.EVENT_MISSING,
            "told to students as confirmed, without an event",
            set(confirmed) - owners.keys(),
        ),
        *_found(Rule.EVENT_MISSING, "issued, without an event", issued.keys() - owners.keys()),
        *_found(Rule.STRANGERS, "issued to one student, an event about another", strangers),
    ]


def judge_deliveries(events: Sequence[Event], log: SchoolLog) -> list[Finding]:
    """Return what the webhook has not brought, of what the event log has."""
    if not log.has_receiver:
        return []
    missing = _owners(events).keys() - log.delivered
    return _found(Rule.EVENT_UNDELIVERED, "not brought by the webhook", missing)


def _owners(events: Iterable[Event]) -> dict[str, object]:
    return {
        one["subject"]: one["data"].get("student") for one in events if one["type"] == CONFIRMED
    }


def _unequal(events: Sequence[Event], expected: range) -> list[str]:
    return [
        str(number)
        for event, number in zip(events, expected, strict=True)
        if event["seq"] != number
    ][:1]


def _found(rule: Rule, text: str, ids: Iterable[str]) -> list[Finding]:
    named = tuple(sorted(ids))
    return [Finding(rule, _LOG, f"{text}: {len(named)}", named)] if named else []
