"""Effects: what the session asks the client around it to do."""

from dataclasses import dataclass

from client_sdk.python.shapes.room import RoomEvent


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a socket, and report its `opened`, `frame` and `closed`. Ignore earlier sockets from now on."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the text on the open socket."""

    text: str


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand the event to the caller."""

    event: RoomEvent


@dataclass(frozen=True, slots=True)
class RequestToken:
    """Get a token, and report `token` or `token_failed`."""


@dataclass(frozen=True, slots=True)
class ClaimOverHttp:
    """Send the claim over HTTP, and report `http_answered` or `http_failed`."""

    drop_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the socket with this code, if there is one, and ignore it from now on."""

    code: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `tick` at this time (local ms). This replaces an earlier WakeAt."""

    at: int


Effect = Connect | Send | Emit | RequestToken | ClaimOverHttp | Disconnect | WakeAt
