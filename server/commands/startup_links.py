"""Print that the service is up, and the demo room's links with their tokens. Called by `run`.

The only place that prints tokens: to the terminal of the person who started the service, never to a log.
"""

import asyncio
import io
import socket
import sys
from collections.abc import Iterator, Sequence

import httpx
import segno

from server.commands.process.listening import EVERY_ADDRESS, local_url
from server.configuration.settings import Settings
from server.demo_link import DemoLink

_READY_SECONDS = 30.0
_RETRY_SECONDS = 0.1
_ANSWER_SECONDS = 1.0
# Nothing is sent there (TEST-NET-1): connecting a UDP socket reveals which of our addresses is used.
_FAR_AWAY = ("192.0.2.1", 9)


async def print_startup_links(settings: Settings, links: Sequence[DemoLink]) -> None:
    """Print the links once the service is ready, or after _READY_SECONDS with a warning."""
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await _until_ready(settings)
    except TimeoutError:
        _say(f"Not ready after {_READY_SECONDS:.0f} s; see the log above and /readyz.")
    _say("\n".join(_lines(settings, links)))


async def _until_ready(settings: Settings) -> None:
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
        while not await _is_ready(client, f"{local_url(settings)}/readyz"):  # noqa: ASYNC110
            await asyncio.sleep(_RETRY_SECONDS)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _lines(settings: Settings, links: Sequence[DemoLink]) -> Iterator[str]:
    url = settings.public_url or local_url(settings)
    has_short = _is_on_loopback(settings)
    yield ""
    yield f"Classdrop is up. Data: {settings.data_dir}"
    yield ""
    # For a program that reads this output: full links. A person in a terminal uses the short ones below.
    if not (has_short and sys.stdout.isatty()):
        for link in links:
            yield f"  {link.name:<10} {url}{link.path}#token={link.token}"
            yield ""
    if settings.host in EVERY_ADDRESS:
        yield from _codes(settings, links)
    yield "Open the teacher's link, open a student's beside it, press a card. Ctrl-C stops it all."
    if has_short:
        yield ""
        for link in links:
            yield f"  {local_url(settings)}/s/{link.code}  {link.name}"
        yield f"  {local_url(settings)}/  all of them"


def _is_on_loopback(settings: Settings) -> bool:
    return settings.host in (*EVERY_ADDRESS, "localhost", "127.0.0.1", "::1")


def _codes(settings: Settings, links: Sequence[DemoLink]) -> Iterator[str]:
    """Yield the students' links as QR codes, for phones on the same network."""
    url = settings.public_url or f"http://{_network_address()}:{settings.port}"
    for link in links:
        if not link.name.startswith("student"):
            continue
        whole = f"{url}{link.path}#token={link.token}"
        drawn = io.StringIO()
        segno.make(whole, error="l").terminal(drawn, compact=True, border=2)
        yield f"  {link.name} on a phone: {whole}"
        yield drawn.getvalue()


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
