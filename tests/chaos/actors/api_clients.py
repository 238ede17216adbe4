"""Creates API clients of the SDK cheaply, because the bench creates many."""

import ssl

import httpx

from client_sdk.python import Api

_NO_TLS = (
    ssl.create_default_context()
)  # made once: each takes 20 ms, and no connection of the bench uses TLS
_DEADLINE_S = 10.0  # as in the SDK


def open_api(url: str, token: str) -> Api:
    """Return a client of the service. The caller closes it, or uses `async with`."""
    http = httpx.AsyncClient(timeout=_DEADLINE_S, verify=_NO_TLS, trust_env=False)
    return Api(url, lambda: token, http=http)
