"""A receiver by https has to have the certificate of its name, though the connection goes to an address."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from server.flows.events import receiver_client
from tests.support.servers.webhook_receiver import Receiver, a_client

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the certificate of `school.example`, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "school.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=school.example"),
            *("-addext", "subjectAltName=DNS:school.example"),
            *("-keyout", str(path), "-out", f"{path}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    with path.open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
    return path


@pytest_asyncio.fixture
async def receiver(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A receiver by TLS, whose certificate our clients trust."""
    trusted = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(receiver_client, "_loaded", lambda: (httpx, trusted))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(str(certificate))
    found = Receiver()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=own)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


async def to_loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def test_its_own_name_is_good(receiver: Receiver) -> None:
    async with a_client(lookup=to_loopback) as client:
        answer = await client.post(f"https://school.example:{receiver.port}/", {}, b"{}")
    assert (answer.status, answer.error) == (204, None)


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_another_name_is_refused(receiver: Receiver, host: str) -> None:
    async with a_client(lookup=to_loopback) as client:
        answer = await client.post(f"https://{host}:{receiver.port}/", {}, b"{}")
    assert (answer.status, answer.error) == (None, "not_reachable")
    assert receiver.calls == []
