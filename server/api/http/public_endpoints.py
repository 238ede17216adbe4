"""Calls outside the table of resources: no token, no JSON of ours.

Named by `health.py` and `docs.py`, which route them themselves; `openapi.py` lists them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PlainCall:
    path: str
    summary: str
    media_type: str
