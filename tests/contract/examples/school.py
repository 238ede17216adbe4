"""Send calls to the application, and keep the first good one of each operation with its reply."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from server.core.identity import Role
from tests.support.builders.api import ROOM, Api
from tests.support.builders.desks import Desk

Json = dict[str, Any]
_SUBJECTS = {
    "operator": (Role.OPERATOR, "olga"),
    "finance": (Role.FINANCE, "fred"),
    "service": (Role.SERVICE, "shop"),
    "instructor": (Role.INSTRUCTOR, "tina"),
}
_SHOWN_CHARACTERS = 300  # of a reply that is no JSON


@dataclass(slots=True)
class School:
    """The application, and the examples that were sent to it, by operation (`POST /v1/templates`)."""

    api: Api
    desk: Desk
    examples: dict[str, Json] = field(default_factory=dict)

    async def call(
        self,
        operation: str,
        *names: str,
        who: str = "operator",
        body: Any = None,
        query: Json | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send one call and return its reply. `names` stand for the places of the path, in their order."""
        method, template = operation.split(" ")
        path, given = _filled(template, names)
        client = await self._client(who)
        sent: Json = {"content": body} if isinstance(body, bytes) else {"json": body}
        reply = await client.request(
            method, path, params=query, headers=headers, **({} if body is None else sent)
        )
        assert reply.is_success, f"{operation}: {reply.status_code} {reply.text}"
        shown = _shown(reply)
        if operation not in self.examples:
            request = {"path": given, "query": query, "headers": headers, "body": _text(body)}
            self.examples[operation] = {
                "request": {name: value for name, value in request.items() if value},
                "response": shown,
            }
        return shown

    async def _client(self, who: str) -> httpx.AsyncClient:
        """`who`: a role, `approver`, or the id of a student."""
        if who == "approver":
            return await self.api.as_(Role.OPERATOR, "otto", may=["approve"])
        if who not in _SUBJECTS:
            return await self.api.student(who)
        role, subject = _SUBJECTS[who]
        rooms = (ROOM,) if role is Role.INSTRUCTOR else ()
        return await self.api.as_(role, subject, *rooms)


def _filled(template: str, names: tuple[str, ...]) -> tuple[str, Json]:
    left, given, parts = list(names), {}, []
    for part in template.split("/"):
        opening, closing = part.find("{"), part.find("}")
        if opening < 0:
            parts.append(part)
            continue
        name = part[opening + 1 : closing]
        given[name] = ROOM if name == "room" else left.pop(0)
        parts.append(given[name])
    assert not left, f"{template}: {left} too much"
    return "/".join(parts), given


def _shown(reply: httpx.Response) -> Any:
    if "json" in reply.headers["content-type"]:
        return orjson.loads(reply.content)
    return reply.text[:_SHOWN_CHARACTERS]


def _text(body: Any) -> Any:
    return body.decode() if isinstance(body, bytes) else body
