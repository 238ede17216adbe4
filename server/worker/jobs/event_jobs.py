"""Jobs that number events, and those that follow the numbers: triggers, webhooks, messages,
statements, reports, experiments."""

from collections.abc import Collection
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.core.events.webhooks import WebhookState
from server.core.messages import Channel
from server.desk import DeskUnavailableError
from server.flows.access import watch
from server.flows.audiences.note_students import note_students
from server.flows.events.fire_triggers import fire_triggers
from server.flows.events.number_events import number_events
from server.flows.events.reminders import remind
from server.flows.events.send_mail import send_mail
from server.flows.events.send_messages import SHOWN_CHANNELS, send_due
from server.flows.experiments import expose
from server.flows.reports.roll_up import roll_up
from server.flows.statements.seal_days import seal_days
from server.flows.statements.write_lines import write_lines
from server.ledger import event_log, event_positions
from server.ledger.events import messages, webhooks
from server.worker.jobs.job import Job, WorkerParts, on_change


class EventJobs:
    def __init__(self, parts: WorkerParts) -> None:
        self._stores = parts.stores
        self._ledger = parts.stores.ledger
        self._metrics = parts.metrics
        self._number_announcements = parts.number_announcements
        self._webhook_sender = parts.webhook_sender
        self._message_policy = parts.message_policy
        self._mailer = parts.mailer
        self._remind_before = parts.remind_before_hours
        self._time_zone = parts.time_zone
        self._cards = expose.CardReader(parts.stores)

    def jobs(self) -> tuple[Job, ...]:
        return (
            # Whoever follows the events waits for this.
            Job(
                "number_events",
                0.05,
                "flows.events.number_events",
                self.number_events,
                idle_s=0.2,
                due=on_change,
            ),
            # Not more often while many come: each round that fires makes an issuance, which costs the same
            # for ten students as for a hundred.
            Job(
                "fire_triggers",
                0.3,
                "flows.events.fire_triggers",
                self.fire_triggers,
                due=on_change,
            ),
            Job(
                "send_webhooks",
                0.1,
                "worker.webhook_sender",
                self.send_webhooks,
                idle_s=0.4,
                due=self._has_free_webhook,
            ),
            Job(
                "note_students",
                1.0,
                "flows.audiences.note_students",
                self.note_students,
                due=on_change,
            ),
            Job(
                "send_messages",
                1.0,
                "flows.events.send_messages",
                self.send_messages,
                due=lambda conn, by: messages.has_due(conn, SHOWN_CHANNELS, by),
            ),
            Job(
                "measure_events",
                2.0,
                "flows.events.number_events",
                self.measure_events,
                due=lambda conn, _: event_log.has_unnumbered(conn),
            ),
            Job(
                "send_mail",
                5.0,
                "flows.events.send_mail",
                self.send_mail,
                due=lambda conn, by: messages.has_due(conn, (Channel.EMAIL,), by),
            ),
            Job("watch", 15.0, "flows.access.watch", self.watch),  # one of the workers each minute
            Job("remind", 60.0, "flows.events.reminders", self.remind),
            Job(
                "write_statements",
                1.0,
                "flows.statements.write_lines",
                self.write_statements,
                due=on_change,
            ),
            Job(
                "roll_up_reports", 1.0, "flows.reports.roll_up", self.roll_up_reports, due=on_change
            ),
            Job(
                "follow_experiments",
                1.0,
                "flows.experiments.expose",
                self.follow_experiments,
                due=on_change,
            ),
            Job(
                "read_cards",
                2.0,
                "flows.experiments.expose",
                self.read_cards,
                due=self._cards.live_drops,
            ),
            Job("seal_statements", 60.0, "flows.statements.seal_days", self.seal_statements),
        )

    async def close(self) -> None:
        """End the calls of receivers that are running."""
        if self._webhook_sender is not None:
            await self._webhook_sender.close()

    async def number_events(self) -> int:
        return await number_events(self._ledger, self._announce_events)

    async def _announce_events(self, last: int, types: Collection[str]) -> None:
        self._metrics.last_event.set(last)
        if self._number_announcements is not None:
            # Those who wait look by themselves every few seconds: numbers must go on without Redis.
            with suppress(DeskUnavailableError):
                await self._number_announcements.announce(last, types)

    async def fire_triggers(self) -> int:
        return await fire_triggers(self._ledger, self._time_zone, now_ms())

    async def send_webhooks(self) -> bool:
        return self._webhook_sender is not None and await self._webhook_sender.look()

    async def _has_free_webhook(self, conn: AsyncConnection, by: int) -> bool:
        return self._webhook_sender is not None and await self._webhook_sender.has_free(conn, by)

    async def note_students(self) -> None:
        await note_students(self._ledger, now_ms())

    async def send_messages(self) -> None:
        await send_due(self._stores, self._message_policy, now_ms())

    async def send_mail(self) -> None:
        await send_mail(self._stores, self._message_policy, self._mailer, now_ms())

    async def remind(self) -> None:
        await remind(self._stores, self._remind_before, now_ms())

    async def watch(self) -> None:
        await watch.look(self._ledger, now_ms())

    async def write_statements(self) -> None:
        await write_lines(self._ledger, self._time_zone)

    async def roll_up_reports(self) -> None:
        await roll_up(self._ledger, self._time_zone)

    async def follow_experiments(self) -> None:
        await expose.follow(self._ledger)

    async def read_cards(self) -> None:
        await self._cards.expose(now_ms())

    async def seal_statements(self) -> None:
        await seal_days(self._ledger, self._time_zone, now_ms())

    async def measure_events(self) -> None:
        """Measure how long events wait for their number, and how far receivers are behind."""
        async with self._ledger.read() as conn:
            oldest = await event_log.oldest_unnumbered_at(conn)
            last = await event_positions.last_number(conn)
            states = await webhooks.states(conn)
        age_ms = 0 if oldest is None else max(0, now_ms() - oldest)
        self._metrics.events_unnumbered_age.set(age_ms / 1000)
        behind = [last - position for state, position in states if state == WebhookState.ACTIVE]
        self._metrics.webhook_lag.set(max(behind, default=0))
        disabled = sum(state == WebhookState.DISABLED for state, _ in states)
        self._metrics.webhooks_disabled.set(disabled)
