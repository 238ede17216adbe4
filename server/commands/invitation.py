"""Says that the service is up, and where: the demo room's links with their tokens. Called by `run`.

The one place that prints tokens: on the terminal of whoever started the service, never in a log.
"""

import asyncio
import io
import socket
import time
from collections.abc import Iterator

import httpx
import segno

from server.commands.demo import ROOM
from server.commands.listening import EVERY_ADDRESS, local_url
from server.commands.token import TokenRequest, make_tokens
from server.core.identity import Role
from server.settings import Settings
from server.tokens import TokenKeys

_READY_SECONDS = 30.0
_ASK_AGAIN_S = 0.1
_ANSWER_SECONDS = 1.0
_STUDENTS = ("student-1", "student-2")
# Sending to it is not needed: choosing the way there tells our own address.
_FAR_AWAY = ("192.0.2.1", 9)


async def invite(settings: Settings) -> None:
    """Prints once the service answers; says so where it does not in time."""
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await _until_ready(settings)
    except TimeoutError:
        _say(f"Not ready after {_READY_SECONDS:.0f} s; see the log above and /readyz.")
    _say("\n".join(_lines(settings)))


async def _until_ready(settings: Settings) -> None:
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
        while not await _is_ready(client, f"{local_url(settings)}/readyz"):  # noqa: ASYNC110
            await asyncio.sleep(_ASK_AGAIN_S)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _lines(settings: Settings) -> Iterator[str]:
    url = settings.public_url or local_url(settings)
    teacher = _token(settings, Role.INSTRUCTOR, "teacher")
    first, second = (_token(settings, Role.STUDENT, name) for name in _STUDENTS)
    yield ""
    yield f"Classdrop is up. Data: {settings.data_dir}"
    yield ""
    yield f"  teacher    {url}/console/{ROOM}#token={teacher}"
    yield ""
    yield f"  student 1  {url}/rooms/{ROOM}#token={first}"
    yield ""
    yield f"  student 2  {url}/rooms/{ROOM}#token={second}"
    yield ""
    yield f"  checkout   {url}/checkout#token={first}"
    yield ""
    yield f"  refunds    {url}/orders#token={_token(settings, Role.OPERATOR, 'operator')}"
    yield ""
    if settings.host in EVERY_ADDRESS:
        yield from _codes(settings)
    yield "Open the teacher's link, open a student's beside it, press a card. Ctrl-C stops it all."


def _codes(settings: Settings) -> Iterator[str]:
    """For phones on the same network."""
    url = settings.public_url or f"http://{_network_address()}:{settings.port}"
    for name in _STUDENTS:
        link = f"{url}/rooms/{ROOM}#token={_token(settings, Role.STUDENT, name)}"
        drawn = io.StringIO()
        segno.make(link, error="l").terminal(drawn, compact=True, border=2)
        yield f"  {name} on a phone: {link}"
        yield drawn.getvalue()


def _token(settings: Settings, role: Role, subject: str) -> str:
    request = TokenRequest(role, subject, (ROOM,))
    return next(iter(make_tokens(TokenKeys(settings.secrets), request, int(time.time()))))


def _network_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR_AWAY)
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (for the person who started it)
