"""The public names of the SDK, for the school's own services, the load tester and tests.

These names do not change; everything else in the package may. Twin of `javascript/index.js`.
"""

from client_sdk.python.api import Page
from client_sdk.python.client import ClaimLostError, RoomClient, StoppedError
from client_sdk.python.draws import verify_draw
from client_sdk.python.draws import verify_receipt as verify_draw_receipt
from client_sdk.python.frames import instant_ms, instant_text, is_reconnectable
from client_sdk.python.office_api import OfficeApi
from client_sdk.python.receipts import verify_receipt
from client_sdk.python.session import Session
from client_sdk.python.shapes import Claim, ClaimState, RoomEvent, RoomState, Status
from client_sdk.python.texts import (
    claim_text,
    close_reason_text,
    close_text,
    coupon_text,
    duration_text,
    error_text,
    outcome_text,
    status_text,
    why_text,
)
from client_sdk.python.tokens import Bearer, make_token
from client_sdk.python.transport import ApiError

# With every call; the `Api` of `api`, which the room's client uses, has those of a class and of a checkout.
Api = OfficeApi

# The older name, kept for programs that import it.
comes_back = is_reconnectable

__all__ = [
    "Api",
    "ApiError",
    "Bearer",
    "Claim",
    "ClaimLostError",
    "ClaimState",
    "Page",
    "RoomClient",
    "RoomEvent",
    "RoomState",
    "Session",
    "Status",
    "StoppedError",
    "claim_text",
    "close_reason_text",
    "close_text",
    "comes_back",
    "coupon_text",
    "duration_text",
    "error_text",
    "instant_ms",
    "instant_text",
    "is_reconnectable",
    "make_token",
    "outcome_text",
    "status_text",
    "verify_draw",
    "verify_draw_receipt",
    "verify_receipt",
    "why_text",
]
