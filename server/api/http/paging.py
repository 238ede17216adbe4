"""Paged lists: `?limit=50&after=<id>` -> `{<plural>: […], next}`, newest first.

Used by every resource with a list. The cursor is the id of the last row of a page. Ids sort by creation
time (server/ids.py), so a page is an index scan, and rows made meanwhile do not shift later pages.
"""

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

from pydantic import Field

from server.api.http.fields import Id, QueryFields
from server.core.refusals import Refused, invalid_field

MAX_PAGE = 200


class PageQuery(QueryFields):
    """`after`: the `next` of the previous page."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    after: Id | None = None


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=HasId)


def span_refusal(since: int | None, before: int | None) -> Refused | None:
    """Return why a list cannot be of this span, [since, before): nothing is in it. None: it can."""
    if since is not None and before is not None and before <= since:
        return invalid_field("to", "too_small", "before `from`")
    return None


def first_page(found: Sequence[T], limit: int) -> tuple[Sequence[T], str | None]:
    """Return the page and the cursor of the next one, or None on the last page.

    `found` must have been read with `limit + 1`: the extra row only shows that another page follows.
    """
    if len(found) <= limit:
        return found, None
    return found[:limit], found[limit - 1].id
