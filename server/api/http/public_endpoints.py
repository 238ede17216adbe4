"""Endpoints that need no token and whose responses are not the API's JSON.

Declared and routed by `health.py` and `docs.py`; `openapi.py` lists them in the document.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

RequestHandler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PublicEndpoint:
    path: str
    summary: str
    media_type: str
    method: str = "get"
