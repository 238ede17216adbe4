"""Note who was exposed to an experiment: who saw a card, got a coupon, or is held out and would have.

Called by a worker; any number of workers may call it, and it may be repeated: a student is exposed once.

- Cards: gateways keep who has seen a card beside the feed of the room. This reads them after the fact, so
  neither a tap nor a broadcast waits for it. Whoever is held out sees no card; they are exposed when they are
  in the room of one. Where some are held out, everybody is exposed by being there: a group that is counted by
  its cards and one that is counted by its presence would not be alike.
- Coupons and hold-outs of issuances: this follows the events.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.event_types import EventType
from server.core.experiments.experiments import HELD_OUT, Experiment, group_of, splits_of
from server.flows.events.follow_pages import follow_pages
from server.flows.stores import Stores
from server.ledger import event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.event_log import NumberedEvent
from server.ledger.experiments import experiments as rows
from server.ledger.experiments import exposures
from server.ledger.experiments.exposures import Exposure, LiveDrop

READER: Final = "experiments"
_TYPES: Final = (EventType.COUPON_CONFIRMED.value, EventType.ISSUANCE_FINISHED.value)
_PAGE: Final = 500  # events of one transaction
_SPAN: Final = 5_000  # numbers that one page looks through
_AFTER_CLOSE_MS: Final = 60_000  # cards are looked at for so long after a drop has closed


async def follow(ledger: Ledger) -> int:
    """Expose who got a coupon, or is held out of an issuance; return how many events were read, a few
    pages at most."""
    return await follow_pages(ledger, READER, lambda: _page(ledger))


async def _page(ledger: Ledger) -> tuple[int, bool]:
    """Read one page; return how many events it had, and whether more follow."""
    async with ledger.begin() as conn:
        position = await event_positions.take(conn, READER, 0)
        if position is None:
            return 0, False
        last = await event_positions.last_number(conn)
        if not await rows.is_any_running(conn):
            await event_positions.move(conn, READER, last)
            return 0, False
        end = min(last, position + _SPAN)
        events, until = await event_log.read_range(conn, position, end, _TYPES, _PAGE)
        await _expose(conn, events)
        await event_positions.move(conn, READER, until)
        return len(events), until < last


async def _expose(conn: AsyncConnection, events: Sequence[NumberedEvent]) -> None:
    told = [(event, _data(event)) for event in events]
    batch_ids = {data["batch_id"] for _, data in told if data.get("batch_id")}
    if not batch_ids:
        return
    by_batch: dict[str, Experiment] = {
        variant.batch_id: experiment
        for experiment in await rows.running_of(conn, batch_ids)
        for variant in experiment.variants
    }
    found: defaultdict[str, list[Exposure]] = defaultdict(list)
    for event, data in told:
        experiment = by_batch.get(data.get("batch_id") or "")
        if experiment is None:
            continue
        if event.type == EventType.COUPON_CONFIRMED:
            found[experiment.id] += _exposed(experiment, [(data["student"], event.at)])
        else:
            # An issuance may have a hold-out of its own, which is no group of the experiment.
            held_out = _exposed(experiment, await exposures.held_out_of(conn, event.subject))
            found[experiment.id] += [one for one in held_out if one.variant == HELD_OUT]
    for experiment_id, exposed in found.items():
        await exposures.add(conn, experiment_id, exposed)


def _exposed(experiment: Experiment, found: Iterable[tuple[str, int]]) -> list[Exposure]:
    splits = splits_of(experiment)
    return [Exposure(student, group_of(splits, student), at) for student, at in found]


def _data(event: NumberedEvent) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(event.data)
    return data


class CardReader:
    """Reads cards of live drops; one of each worker. What it remembers only saves reading them again."""

    def __init__(self, stores: Stores) -> None:
        self._ledger, self._feed = stores.ledger, stores.feed
        self._exposed: dict[str, set[str]] = {}  # by drop: who is in the ledger already

    async def live_drops(self, conn: AsyncConnection, now: int) -> list[LiveDrop]:
        """Return the drops of running experiments whose cards may be seen at `now` (ms UTC)."""
        return await exposures.live_drops(conn, now, now - _AFTER_CLOSE_MS)

    async def expose(self, now: int) -> int:
        """Expose who has seen the cards of running experiments, and who is held out; return how many."""
        async with self._ledger.read() as conn:
            live = await self.live_drops(conn, now)
            of = await rows.running_of(conn, {one.batch_id for one in live}) if live else []
        known = {one.id: one for one in of}
        self._exposed = {one.id: self._exposed.get(one.id, set()) for one in live}
        added = 0
        for drop in live:
            if drop.experiment_id in known:
                added += await self._expose(drop, known[drop.experiment_id], now)
        return added

    async def _expose(self, drop: LiveDrop, experiment: Experiment, now: int) -> int:
        done = self._exposed[drop.id]
        seen = await self._feed.read_seen(drop.room, drop.id)
        present = await self._feed.rosters.read(drop.room) if experiment.hold_out else {}
        splits = splits_of(experiment)
        (own,) = (
            number
            for number, each in enumerate(experiment.variants)
            if each.batch_id == drop.batch_id
        )
        groups = ((one, group_of(splits, one)) for one in {*seen, *present} - done)
        found = [Exposure(student, of, now) for student, of in groups if of in (own, HELD_OUT)]
        if not found:
            return 0
        async with self._ledger.begin() as conn:
            added = await exposures.add(conn, experiment.id, found)
        done.update(one.student for one in found)
        return added


async def delete_old(ledger: Ledger, before: int) -> None:
    """Keep the result of experiments that ended before then (ms), and delete who was exposed."""
    async with ledger.read() as conn:
        ended = await rows.ended_before(conn, before, 20)
    for experiment in ended:
        async with ledger.begin() as conn:
            # Another worker may have deleted them: its result stays.
            found = await exposures.sums(conn, experiment)
            if await rows.keep_result(conn, experiment.id, found):
                await exposures.delete_all(conn, experiment.id)
