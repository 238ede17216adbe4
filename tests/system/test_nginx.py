"""Pages, API and sockets behind a real nginx with the README's own block."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
import pytest_asyncio
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from server.core.identity import Role
from tests.support.eventually import eventually
from tests.support.servers.stack import Program, Stack, free_port

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(
        shutil.which("nginx", path="/usr/sbin:/usr/bin:/bin") is None, reason="needs nginx"
    ),
]

NAME = "drops.school.example"
README = Path(__file__).parents[2] / "README.md"
AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {block}
}}
"""


def block(listens: int, web: int) -> str:
    """The README's, with the ports of this test."""
    found = re.search(r"<!-- nginx -->\n```nginx\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    text = found[1].replace("127.0.0.1:8000;", f"127.0.0.1:{web};")
    text, changed = re.subn(r"listen 80;", f"listen 127.0.0.1:{listens};", text)
    assert changed == 1
    return text


@pytest_asyncio.fixture
async def web(stack: Stack) -> Program:
    stack.worker()
    program = stack.web(CLASSDROP_TRUSTED_PROXIES="127.0.0.1")
    await program.until_ready()
    return program


@pytest.fixture
def nginx(web: Program, tmp_path: Path) -> Iterator[int]:
    """Its port."""
    port, folder = free_port(), tmp_path / "nginx"
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(AROUND.format(folder=folder, block=block(port, web.port)))
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/bin") or "nginx"
    with subprocess.Popen(
        [program, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    ) as process:
        yield port
        process.terminate()


async def is_answered(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
        except httpx.TransportError:
            return False


async def test_pages_api_and_sockets_pass_through(stack: Stack, web: Program, nginx: int) -> None:
    await eventually(lambda: is_answered(nginx))
    token = stack.token(Role.STUDENT, "ada", "math:101")
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{nginx}", headers={"Host": NAME}
    ) as client:
        for path in ("/rooms/math:101", "/rooms/math%3A101", "/embed/rooms/math%3A101"):
            page = await client.get(path)
            assert (page.status_code, '"math:101"' in page.text) == (200, True)
        for path in ("/rooms/math%253A101", "/console/..."):
            assert (await client.get(path)).status_code == (404 if "%25" in path else 200)
        told = await client.get(
            "/v1/rooms/math%3A101/snapshot", headers={"Authorization": f"Bearer {token}"}
        )
        assert told.status_code == 200, told.text
    with connect(
        f"ws://{NAME}:{nginx}/v1/rooms/math%3A101",
        sock=_to(nginx),
        origin=Origin(f"http://{NAME}:{nginx}"),
        subprotocols=[Subprotocol("classdrop.v1")],
        compression=None,
    ) as room:
        room.send(orjson.dumps({"type": "hello", "token": token}).decode())
        welcome = orjson.loads(room.recv(timeout=10))
        assert (welcome["type"], welcome["room"]) == ("welcome", "math:101")
    assert "handshake_refused" not in web.errors


def _to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10)
