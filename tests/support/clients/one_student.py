"""A student of the SDK on a real server, a drop for them, and what they are told of it."""

from client_sdk.python import RoomClient, RoomEvent
from loadtest.clients.school_api import api_as, make_batch
from server.core.identity import Role
from tests.support.servers.stack import Program, Stack

ROOM, STUDENT = "r1", "amy"


async def opened(stack: Stack, web: Program) -> str:
    """Open a drop of five units; return its id."""
    async with api_as(web.url, stack.token(Role.OPERATOR, "olga")) as api:
        batch_id = await make_batch(api, "shared", 5)
        form = {"batch_id": batch_id, "quantity": 5, "duration_seconds": 60}
        return (await api.create_drop(ROOM, form))["id"]  # type: ignore[arg-type]


def client_of(stack: Stack, web: Program) -> RoomClient:
    return RoomClient(web.url, ROOM, lambda: stack.token(Role.STUDENT, STUDENT, ROOM))


async def until(client: RoomClient, kind: str, drop_id: str) -> list[RoomEvent]:
    """Return all that the client is told, until an event of this kind about this drop."""
    told: list[RoomEvent] = []
    async for event in client.events():
        told.append(event)
        if event.type == kind and drops_of([event]) == {drop_id}:
            break
    return told


def drops_of(told: list[RoomEvent]) -> set[str]:
    """Return the ids of the drops that these events are about."""
    found = set()
    for event in told:
        if hasattr(event, "drop"):
            found.add(event.drop["id"])
        if hasattr(event, "claim"):
            found.add(event.claim.drop_id)
    return found
