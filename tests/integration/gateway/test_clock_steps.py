"""A wall clock that is set while people are in: nobody is taken for silent."""

import pytest

from server import clock
from server.gateway import background_tasks as module
from server.gateway.background_tasks import PING_PASSES, SocketMaintenance
from tests.support.gateways import RunningGateway

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("hours", [-1, 1])
async def test_everybody_stays_in(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    parts = gateway.parts
    maintenance = SocketMaintenance(
        gateway.gateway, gateway.follower, gateway.loader, parts.subscription, parts.health
    )
    async with gateway.student(seconds=100_000) as (client, _):
        monkeypatch.setattr(module, "now_ms", lambda: clock.now_ms() + hours * 3_600_000)
        for _ in range(PING_PASSES):
            await maintenance.ping_some()

        assert (await client.next("ping"))["type"] == "ping"
        assert all(connection.session is not None for connection in gateway.gateway.connections)
