"""The first page of /docs and the example of a back end are run against a deployed service."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy
from typing import cast

import httpx
import pytest

from client_sdk.examples.backend import Backend, serve
from client_sdk.python import Api
from client_sdk.python.shapes import TemplateForm
from server.core.identity import Role
from tests.support.builders.api import a_template
from tests.support.eventually import eventually
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import SECRET, Program, Programs, Stack

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "client_sdk" / name for name in ("START.md", "START.zh.md")]


@pytest.fixture(scope="module")
def deployed(
    redis_server: RedisServer,
    migrated_sqlite_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Stack, Program]]:
    """Yield one web process with a worker, for all tests of the file."""
    folder = tmp_path_factory.mktemp("developers")
    copy(migrated_sqlite_file, folder / "ledger.db")
    programs = Programs(folder / "programs")
    stack = Stack(
        programs,
        {
            "CLASSDROP_REDIS_URL": redis_server.url,
            "CLASSDROP_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
            "CLASSDROP_SECRET": SECRET,
            "CLASSDROP_KEY_PREFIX": f"t{uuid.uuid4().hex[:10]}",
            "CLASSDROP_WEBHOOK_PRIVATE": "1",
        },
    )
    web = stack.web()
    stack.worker()
    try:
        asyncio.run(web.until_ready())
        yield stack, web
    finally:
        programs.stop()


def commands(page: Path) -> str:
    """Return the commands of the page, without the one that starts everything and never ends."""
    return "\n".join(re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL))


def test_a_stranger_comes_from_tokens_to_a_paid_coupon(deployed: tuple[Stack, Program]) -> None:
    _, web = deployed
    script = commands(PAGES[0]).replace(".venv/bin/python", sys.executable)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**os.environ, "CLASSDROP": web.url, "CLASSDROP_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert '"outcome":"won"' in done.stdout
    assert '"state":"redeemed"' in done.stdout


def test_both_languages_have_the_same_commands() -> None:
    assert commands(PAGES[0]) == commands(PAGES[1]) != ""


@contextmanager
def running(backend: Backend) -> Iterator[str]:
    """Serve the example's back end; yield its address."""
    with serve(backend, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_the_back_end_of_one_file_sells_a_course_and_mirrors_the_coupon(
    deployed: tuple[Stack, Program],
) -> None:
    stack, web = deployed
    backend = Backend(web.url, SECRET)
    with running(backend) as site, httpx.Client(base_url=site) as browser:
        token = browser.get("/my-classdrop-token", params={"student": "eve"}).text
        asyncio.run(_wins(stack, web, site, backend, token))
        price = browser.get("/my-price", params={"student": "eve"}).json()
        paid = browser.post("/pay", json={"student": "eve", "order_id": "order-eve"}).json()
        forged = browser.post("/webhooks", content=json.dumps({"type": "batch"}))
        asyncio.run(eventually(lambda: _is_redeemed(backend)))

    assert (price["payable"], paid["state"]) == (18_900, "redeemed")
    assert forged.status_code == 400


async def _wins(stack: Stack, web: Program, site: str, backend: Backend, token: str) -> None:
    """Have events sent to the back end; then let the student of the token win a coupon."""
    operator = stack.token(Role.OPERATOR, "olga")
    async with Api(web.url, lambda: operator) as api:
        webhook = await api.create_webhook({"url": f"{site}/webhooks", "batch": True})
        backend.webhook_secret = webhook["secret"]
        template = await api.create_template(cast(TemplateForm, a_template()))
        batch = await api.create_batch(
            {
                "template_id": template["id"],
                "name": "First",
                "quantity": 10,
                "channel": "live",
                "per_student": 1,
            }
        )
        drop = await api.create_drop(
            "algebra", {"batch_id": batch["id"], "quantity": 1, "duration_seconds": 60}
        )
    async with Api(web.url, lambda: token) as student:
        assert (await student.claim(drop["id"], "tap-1"))["outcome"] == "won"

        async def is_there() -> bool:
            return bool((await student.my_coupons())["coupons"])

        await eventually(is_there)


async def _is_redeemed(backend: Backend) -> bool:
    return any(coupon.get("state") == "redeemed" for coupon in backend.mirror.coupons.values())
