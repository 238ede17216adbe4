"""The school's side of a test, over HTTP: creates a batch, reads a drop's report and claims list.

Called by `storm`, the bench and, after a Locust run, by `student_outcomes`. Works against any server that
follows the contract.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from client_sdk.python import Api, Page
from client_sdk.python.shapes import DropClaims, DropReport, TemplateForm
from loadtest.verdict import LedgerSnapshot, ListedClaim

_DEADLINE_S: Final = 30.0
_PAGE: Final = 200
_PAUSE_S: Final = 0.05
TEMPLATE: Final[TemplateForm] = {
    "name": "Load test",
    "description": "Made by the load tester; worth nothing anywhere.",
    "currency": "CNY",
    "discount": {"kind": "amount_off", "amount": 1_000},
    "threshold": {"min_amount": 0},
    "scope": {"courses": [], "packages": []},
    "validity": {"kind": "relative", "seconds": 86_400},
}


def http_client(deadline_s: float, at_once: int = 10) -> httpx.AsyncClient:
    """Return an HTTP client that reaches the server as the sockets do: without a proxy of the environment.

    It trusts the machine's certificate authorities, or those in SSL_CERT_FILE.
    """
    return httpx.AsyncClient(
        timeout=deadline_s,
        limits=httpx.Limits(max_connections=at_once),
        trust_env=False,
        verify=ssl.create_default_context(),
    )


@asynccontextmanager
async def api_as(url: str, token: str) -> AsyncIterator[Api]:
    async with Api(url, lambda: token, http=http_client(_DEADLINE_S)) as api:
        yield api


async def make_batch(api: Api, name: str, quantity: int, description: str = "") -> str:
    """Create a template and a batch of it; return the batch's id. Needs an operator's token.

    A `description` replaces the template's usual one.
    """
    form: TemplateForm = {**TEMPLATE, "description": description or TEMPLATE["description"]}
    template = await api.create_template(form)
    batch = await api.create_batch(
        {
            "template_id": template["id"],
            "name": name,
            "quantity": quantity,
            "channel": "live",
            "per_student": 1,
        }
    )
    return batch["id"]


async def read_ledger_snapshot(
    api: Api, room: str, drop_id: str, wins: int, deadline_s: float
) -> LedgerSnapshot:
    """Read the drop's report and claims list once the ledger has all `wins` and agrees with the desk.

    At the deadline they are read as they are, and the verdict says what is missing.
    """
    give_up_at = time.monotonic() + deadline_s
    while True:
        drop = await api.get_drop(room, drop_id)
        is_quiet = drop["confirmed"] >= wins and drop["confirmed"] == drop["claimed"]
        if is_quiet or time.monotonic() >= give_up_at:
            return _snapshot(drop, await _claims(api, room, drop_id))
        await asyncio.sleep(_PAUSE_S)


async def _claims(api: Api, room: str, drop_id: str) -> list[ListedClaim]:
    listed: list[ListedClaim] = []
    after: str | None = None
    while True:
        page: DropClaims = await api.drop_claims(room, drop_id, page=Page(limit=_PAGE, after=after))
        listed += [ListedClaim(claim["student"], claim["state"]) for claim in page["claims"]]
        after = page["next"]
        if after is None:
            return listed


def _snapshot(drop: DropReport, claims: list[ListedClaim]) -> LedgerSnapshot:
    return LedgerSnapshot(
        quantity=drop["quantity"],
        remaining=drop["remaining"],
        claimed=drop["claimed"],
        confirmed=drop["confirmed"],
        returned=drop["returned"],
        difference=drop["difference"],
        claims=claims,
    )
