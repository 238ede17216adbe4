"""`python -m tests.benchmarks.events [sqlite] [postgresql]`: how fast events are recorded, numbered and sent.

In one process, with a receiver of webhooks that takes 20 ms for a call. The figures of decisions 0037, 0038.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from time import perf_counter, process_time
from typing import Final

import uvloop

from server.clock import now_ms
from server.core.coupons import coupon_events
from server.core.coupons.coupon_events import ConfirmedCoupon
from server.core.event_types import Event
from server.core.refusals import Refused
from server.flows.events import webhooks as flows
from server.flows.events.number_events import number_events
from server.flows.events.receiver_client import ReceiverClient
from server.flows.events.webhooks import WebhookForm
from server.ledger import event_log
from server.ledger.engine import Ledger
from server.ledger.events import webhooks
from server.ledger.migrate import upgrade
from server.worker.webhook_sender import WebhookSender
from tests.benchmarks.pairs import database
from tests.support.servers.webhook_receiver import Received, running_receiver

_EVENTS: Final = 10_000
_AT_ONCE: Final = 1_000  # as a worker confirms claims
_RECEIVER_SECONDS: Final = 0.02


async def _measure(kind: str, url: str) -> str:
    ledger = Ledger.connect(url)
    try:
        return f"{kind}: {await _record(ledger)}; {await _number(ledger)}; {await _send(ledger)}"
    finally:
        await ledger.close()


def _events() -> list[Event]:
    coupon = ConfirmedCoupon(
        id="cpn_0k3v9xq2mw7c0k3v9xq2mw",
        code="AB12CD34EF56",
        student="student-1",
        batch_id="bat_0k3v9xq2mw7c0k3v9xq2mw",
        template_id="tpl_0k3v9xq2mw7c0k3v9xq2mw",
        template_version=1,
        valid_from=1_000,
        valid_until=2_000,
        hold_until=None,
        source="claim",
        drop_id="drp_0k3v9xq2mw7c0k3v9xq2mw",
        room="math-7",
    )
    return [coupon_events.confirmed(coupon, now_ms()) for _ in range(_AT_ONCE)]


async def _record(ledger: Ledger) -> str:
    begun, cpu = perf_counter(), process_time()
    for _ in range(_EVENTS // _AT_ONCE):
        async with ledger.begin() as conn:
            await event_log.record(conn, _events())
    took, cpu = perf_counter() - begun, process_time() - cpu
    return f"recorded {_EVENTS / took:,.0f}/s, {cpu / _EVENTS * 1e6:.1f} us of CPU each"


async def _announce(_last: int, _types: object) -> None:
    """Announce to nobody."""


async def _number(ledger: Ledger) -> str:
    begun = perf_counter()
    count = await number_events(ledger, _announce)
    return f"numbered {count / (perf_counter() - begun):,.0f}/s"


async def _send(ledger: Ledger) -> str:
    """Let a drop be confirmed while a worker numbers and sends; time it until the last event is there."""

    async def slow(_: Received) -> str:
        await asyncio.sleep(_RECEIVER_SECONDS)  # noqa: TID251 - a benchmark takes time
        return "200 OK"

    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(running_receiver())
        receiver.answer = slow
        form = WebhookForm(receiver.url, batch=True)
        made = await flows.make_webhook(ledger, "olga", form, None, now_ms(), allows_private=True)
        if isinstance(made, Refused):
            raise RuntimeError(made.detail)  # noqa: TRY004 - an answer, not a type
        sender = WebhookSender(ledger, "bench", lambda: ReceiverClient(allows_private=True))
        working = asyncio.create_task(_work(ledger, sender))
        begun = perf_counter()
        for _ in range(_EVENTS // _AT_ONCE):
            async with ledger.begin() as conn:
                await event_log.record(conn, _events())
        while True:
            async with ledger.read() as conn:
                found = await webhooks.find(conn, made.id)
            if found is not None and found.position >= made.position + _EVENTS:
                break
            await asyncio.sleep(0.01)  # noqa: TID251 - a benchmark takes time
        took = perf_counter() - begun
        working.cancel()
        await sender.close()
    return f"{_EVENTS} confirmations sent in {took:.2f} s by {len(receiver.calls)} calls"


async def _work(ledger: Ledger, sender: WebhookSender) -> None:
    while True:
        await number_events(ledger, _announce)
        await sender.look()
        await asyncio.sleep(0.05)  # noqa: TID251 - a benchmark takes time


def main() -> None:
    for kind in sys.argv[1:] or ("sqlite", "postgresql"):
        with database(kind) as url:
            upgrade(url)
            print(uvloop.run(_measure(kind, url)))


if __name__ == "__main__":
    main()
