"""A school under load: real processes, and the calls of operator and teacher that a race begins with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from server.core.identity import Role
from tests.races.books import Books
from tests.races.process_clients import until_all_serve
from tests.support.builders.api import a_batch, a_drop, a_template, good
from tests.support.clients.crowd import http_client
from tests.support.servers.stack import Program, Stack

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class School:
    """`webs` share one Redis and one ledger; a worker runs beside them."""

    stack: Stack
    webs: tuple[Program, ...]
    books: Books

    @property
    def urls(self) -> list[str]:
        return [web.url for web in self.webs]

    def tokens(self, names: Iterable[str], *rooms: str) -> dict[str, str]:
        return {name: self.stack.token(Role.STUDENT, name, *rooms) for name in names}

    def operator(self, web: int = 0) -> httpx.AsyncClient:
        """May do all that a teacher may, in every room."""
        return http_client(self.urls[web], self.stack.token(Role.OPERATOR, "olga"))

    async def made_batch(self, **changes: object) -> str:
        async with self.operator() as operator:
            template = good(await operator.post("/v1/templates", json=a_template()), 201)
            body = {"template_id": template["id"], **a_batch(), **changes}
            batch_id: str = good(await operator.post("/v1/batches", json=body), 201)["id"]
        return batch_id

    async def opened(self, room: str, batch_id: str, **changes: object) -> Json:
        body = {"batch_id": batch_id, **a_drop(), **changes}
        async with self.operator() as operator:
            return good(await operator.post(f"/v1/rooms/{room}/drops", json=body), 201)

    async def seen(self, path: str) -> Json:
        async with self.operator() as operator:
            return good(await operator.get(path))


@dataclass(frozen=True, slots=True)
class SchoolMaker:
    """`one_port(2)`: two processes behind one port; `two_ports()`: two that can be told apart."""

    stack: Stack
    books: Books

    async def one_port(self, processes: int) -> School:
        web = self.stack.web(processes)
        return await self._made((web,), processes)

    async def two_ports(self) -> School:
        return await self._made((self.stack.web(), self.stack.web()), 1)

    async def _made(self, webs: tuple[Program, ...], processes: int) -> School:
        self.stack.worker()
        for web in webs:
            await until_all_serve(web, processes)
        return School(self.stack, webs, self.books)
