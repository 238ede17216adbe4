"""The public face of the SDK: what tests, load testers and the school's own services import.

Everything else in this package may change; these names may not. Twin of `javascript/index.js`.
"""

from client_sdk.python.api import Api, ApiError, Bearer, Page, make_token
from client_sdk.python.client import ClaimLostError, RoomClient, StoppedError
from client_sdk.python.frames import comes_back, instant_ms, instant_text
from client_sdk.python.session import Session
from client_sdk.python.shapes import Claim, ClaimState, RoomEvent, RoomState, Status
from client_sdk.python.texts import (
    claim_text,
    close_reason_text,
    close_text,
    coupon_text,
    error_text,
    outcome_text,
    status_text,
)

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
    "error_text",
    "instant_ms",
    "instant_text",
    "make_token",
    "outcome_text",
    "status_text",
]
