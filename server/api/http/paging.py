"""Lists: `?limit=50&after=<id>` -> `{<plural>: […], next}`, newest first.

Used by every resource that lists. A cursor is the id of the last one seen: ids sort by the time they
were made (server/ids.py), so that a page is an index scan and new things move nothing.
"""

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

from pydantic import Field

from server.api.http.fields import Id, QueryFields

MAX_PAGE = 200


class PageQuery(QueryFields):
    """`after`: the `next` of the page before."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    after: Id | None = None


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=HasId)


def first_page(found: Sequence[T], limit: int) -> tuple[Sequence[T], str | None]:
    """`found` was looked for with one more than `limit`: whether that one is there decides about the
    cursor of the next page."""
    if len(found) <= limit:
        return found, None
    return found[:limit], found[limit - 1].id
