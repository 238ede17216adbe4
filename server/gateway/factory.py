"""Builds a gateway from its leaves to its root, and runs it.

Called by the composition root (commands/process/composition.py). Each object is complete when it is made:
it gets everything it needs as arguments, and nothing is set on it later.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from server.desk import DeskUnavailableError
from server.desk.feed.feed import ACCESS
from server.gateway.background_tasks import Job, SocketMaintenance, observe_sent, repeat
from server.gateway.gateway import Gateway
from server.gateway.parts import GatewayParts
from server.gateway.rooms.answers import Answers
from server.gateway.rooms.feed.coupon_changes import CouponChanges
from server.gateway.rooms.feed.feed_follower import FeedFollower
from server.gateway.rooms.feed.room_reader import RoomReader
from server.gateway.rooms.feed.win_recovery import WinRecovery
from server.gateway.rooms.feed.winners import WinnerTicker
from server.gateway.rooms.joins.join_queue import JoinQueue
from server.gateway.rooms.joins.room_loader import RoomLoader
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room_status import RoomStatus
from server.gateway.rooms.roster_writer import RosterWriter
from server.gateway.rooms.watch_clock import WatchClock
from server.gateway.taps import Taps
from server.gateway.work_in_flight import WorkInFlight


class _Built(NamedTuple):
    gateway: Gateway
    follower: FeedFollower
    joins: JoinQueue
    maintenance: SocketMaintenance
    watch: WatchClock
    jobs: tuple[Job, ...]


@asynccontextmanager
async def running_gateway(parts: GatewayParts) -> AsyncIterator[Gateway]:
    """Yield a gateway that follows its feed and runs its background jobs until the block ends."""
    async with asyncio.TaskGroup() as tasks:
        built = _build(parts, tasks)
        await parts.subscription.add_room(ACCESS)
        running = [
            tasks.create_task(parts.subscription.run(built.follower)),
            tasks.create_task(built.joins.welcome_again()),
            *(tasks.create_task(repeat(job)) for job in built.jobs),
        ]
        await built.maintenance.report()  # a process that has just started says so at once
        yield built.gateway
        # Cancelled here, because the task group would otherwise wait for them for ever.
        for task in running:
            task.cancel()
        built.follower.stop()
        with suppress(DeskUnavailableError):  # those whom the drain has closed
            await built.watch.write_left()


def _build(parts: GatewayParts, tasks: asyncio.TaskGroup) -> _Built:
    """Make every object after those that it uses. Repairs run in `tasks`."""
    rooms, work = OpenRooms(), WorkInFlight()
    reader = RoomReader(parts.feed, parts.drop_desk)
    coupon_changes = CouponChanges(
        rooms=rooms,
        feed=parts.feed,
        subscription=parts.subscription,
        tasks=tasks,
        on_gap=parts.metrics.feed_gaps.inc,
    )
    win_recovery = WinRecovery(rooms, parts.claim_desk, parts.drop_desk)
    follower = FeedFollower(
        rooms=rooms,
        reader=reader,
        coupon_changes=coupon_changes,
        win_recovery=win_recovery,
        tasks=tasks,
        on_gap=parts.metrics.feed_gaps.inc,
        look_at_access=parts.look_at_access,
        traces=parts.traces,
    )
    loader = RoomLoader(
        rooms=rooms,
        reader=reader,
        subscription=parts.subscription,
        coupon_changes=coupon_changes,
        follower=follower,
        on_sent=observe_sent(parts.metrics, parts.traces, parts.gateway_id),
    )
    joins = JoinQueue(rooms, loader, parts.drop_desk, parts.metrics)
    taps = Taps(parts, follower, work)
    answers = Answers(parts.drop_desk.tasks, work)
    gateway = Gateway(
        parts, rooms=rooms.by_name, joins=joins, taps=taps, answers=answers, work=work
    )
    watch = WatchClock(rooms, parts.drop_desk.tasks)
    maintenance = SocketMaintenance(gateway, follower, loader, parts.subscription, parts.health)
    status = RoomStatus(rooms, parts.drop_desk, parts.feed, parts.gateway_id)
    roster = RosterWriter(rooms, parts.feed.rosters, parts.gateway_id)
    jobs = (
        *_jobs(parts, gateway, maintenance, status, win_recovery),
        Job("write_present", parts.cadence.watch_s, watch.write_present),
        Job("send_winners", parts.cadence.winners_s, WinnerTicker(rooms, parts.feed).send),
        Job("write_roster", parts.cadence.roster_s, roster.write),
        Job("write_left", parts.cadence.left_s, watch.write_left),
    )
    return _Built(gateway, follower, joins, maintenance, watch, jobs)


def _jobs(
    parts: GatewayParts,
    gateway: Gateway,
    maintenance: SocketMaintenance,
    status: RoomStatus,
    win_recovery: WinRecovery,
) -> tuple[Job, ...]:
    cadence = parts.cadence
    return (
        Job("send_progress", cadence.progress_s, status.send_progress),
        Job("send_presence", cadence.presence_s, status.send_presence),
        Job("publish_seen", cadence.seen_s, status.publish_seen),
        Job("recheck_unconfirmed", cadence.unconfirmed_s, win_recovery.recheck_unconfirmed),
        Job("watch_desks", cadence.desk_epochs_s, win_recovery.watch_desks),
        Job("ping", cadence.ping_s, maintenance.ping_some),
        Job("end_expired", cadence.token_ends_s, gateway.end_expired),
        Job("end_revoked", cadence.revocations_s, gateway.end_revoked),
        Job("report", cadence.report_s, maintenance.report),
        Job("housekeep", cadence.housekeeping_s, maintenance.housekeep),
    )
