"""A socket hears nothing more once its token is over, and a room is read as it was sent: over real
sockets."""

import asyncio

import pytest

from server.clock import now_ms
from server.gateway.cadence import Cadence
from server.tokens import LEEWAY_MS
from tests.integration.gateway.test_gateway import open_drop
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway, a_token

pytestmark = pytest.mark.asyncio

LEEWAY_S = LEEWAY_MS // 1_000


@pytest.fixture
def cadence() -> Cadence:
    return Cadence(close_timeout_s=0.05)


async def test_whoever_only_listens_is_told_at_the_end_of_their_token(
    gateway: RunningGateway,
) -> None:
    """The leeway is included, as for requests."""
    ends_at = (now_ms() // 1_000 + 2) * 1_000
    seconds = ends_at // 1_000 - LEEWAY_S - now_ms() // 1_000
    async with (
        gateway.student("ada", seconds=seconds) as (ada, _),
        gateway.student("bob") as (bob, _),
    ):
        code, frames = await ada.closed()
        late_ms = now_ms() - ends_at
        assert (code, frames[-1]["type"], frames[-1]["code"]) == (4001, "error", "token_expired")
        assert -100 <= late_ms < 1_500
        await eventually(lambda: len(gateway.gateway.connections) == 1)
        await open_drop(gateway.desk)
        assert (await bob.next("drop_opened"))["drop"]["id"] == "drp_1"
        assert len(gateway.gateway.token_ends) == 1


async def test_nothing_is_pushed_to_one_whose_token_is_over(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway.student("ada") as (ada, _):
        (connection,) = gateway.gateway.connections
        later = connection.session.identity.expires_at  # type: ignore[union-attr]
        monkeypatch.setattr("server.gateway.gateway.now_ms", lambda: later)
        await gateway.gateway.end_expired()
        await open_drop(gateway.desk)
        code, frames = await ada.closed()
        assert (code, [frame["type"] for frame in frames]) == (4001, ["error"])


async def test_one_who_does_not_answer_the_close_is_cut_off(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway.student("ada") as (ada, _):
        (connection,) = gateway.gateway.connections
        ada.socket.transport.pause_reading()
        later = connection.session.identity.expires_at  # type: ignore[union-attr]
        monkeypatch.setattr("server.gateway.gateway.now_ms", lambda: later)
        await gateway.gateway.end_expired()
        await eventually(lambda: not gateway.gateway.connections)
        assert len(gateway.gateway.token_ends) == 0


async def test_who_leaves_before_is_forgotten(gateway: RunningGateway) -> None:
    async with gateway.student("ada"):
        assert len(gateway.gateway.token_ends) == 1
    await eventually(lambda: len(gateway.gateway.token_ends) == 0)


@pytest.mark.parametrize("sent", ["math:101", "math%3A101", "math%3a101"])
async def test_a_room_is_read_as_it_was_sent(gateway: RunningGateway, sent: str) -> None:
    async with gateway.socket(sent) as client, asyncio.timeout(5):
        await client.send(type="hello", token=a_token("ada", room="math:101"))
        assert (await client.next("welcome"))["room"] == "math:101"
