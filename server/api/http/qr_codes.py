"""QR codes as SVG: error level M, a white quiet zone of 4 modules, dark on white in every colour scheme.

Used by the endpoints that have a code for a link or a drop. The white ground is part of the picture: a
dark page must not invert it, because many readers do not read an inverted code.
"""

import io
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated

import segno
from pydantic import Field

from server.api.http.endpoints import StreamedResponse
from server.api.http.fields import QueryFields, ResponseModel

SVG = "image/svg+xml"
QUIET_MODULES = 4
_KEPT = 256


class QrQuery(QueryFields):
    """`size`: width and height in CSS px."""

    size: Annotated[int, Field(ge=64, le=4096)] = 480


class QrResponse(ResponseModel):
    """An SVG document; the endpoint has no JSON."""


@lru_cache(maxsize=_KEPT)
def qr_svg(text: str, size: int) -> bytes:
    """Return the code of `text` as an SVG of `size` px. Takes some ms, so the last ones are kept."""
    made = segno.make_qr(text, error="m")
    modules = made.symbol_size(border=QUIET_MODULES)[0]
    out = io.BytesIO()
    made.save(
        out,
        kind="svg",
        scale=1,
        border=QUIET_MODULES,
        dark="#000",
        light="#fff",
        xmldecl=False,
        omitsize=True,
    )
    head = f'<svg width="{size}" height="{size}" shape-rendering="crispEdges" '
    assert modules > 0
    return out.getvalue().strip().replace(b"<svg ", head.encode(), 1)


def svg_response(text: str, size: int) -> StreamedResponse:
    """Return the code of `text` as a response."""
    svg = qr_svg(text, size)

    async def pieces() -> AsyncIterator[bytes]:
        yield svg

    return StreamedResponse(pieces(), SVG)
