"""A small server of the protocol that breaks one promise on purpose: the control for the verdict.

Used by test_loadtest.py. It knows one drop and keeps everything in memory.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from client_sdk.python.frames import SUBPROTOCOL
from tests.support.eventually import eventually

AT = "2026-03-01T09:00:00.000Z"
DROP_ID = "drp_faulty"


class Fault(StrEnum):
    NONE = "none"
    OVERSELLS = "oversells by one"
    LOSES = "loses one"
    DOUBLES = "doubles one"
    FORGETS = "leaves one student unanswered"


@dataclass(slots=True)
class School:
    fault: Fault
    drop: dict[str, Any] = field(default_factory=dict)
    winners: list[str] = field(default_factory=list)
    room: set[WebSocket] = field(default_factory=set)
    taps: int = 0

    @property
    def app(self) -> Starlette:
        room = "/v1/rooms/{room}"
        return Starlette(
            routes=[
                Route("/readyz", self.ready),
                Route("/v1/templates", self.make, methods=["POST"]),
                Route("/v1/batches", self.make, methods=["POST"]),
                Route(f"{room}/drops", self.open, methods=["POST"]),
                Route(f"{room}/drops/{{id}}", self.report),
                Route(f"{room}/drops/{{id}}/close", self.report, methods=["POST"]),
                Route(f"{room}/drops/{{id}}/claims", self.claims),
                WebSocketRoute(room, self.sit),
            ]
        )

    async def ready(self, _request: Request) -> JSONResponse:
        return JSONResponse({"ok": True})

    async def make(self, _request: Request) -> JSONResponse:
        return JSONResponse({"id": "made"}, 201)

    async def open(self, request: Request) -> JSONResponse:
        form = await request.json()
        quantity = form["quantity"] + (self.fault is Fault.OVERSELLS)
        self.drop = {
            "id": DROP_ID,
            "state": "open",
            "message": form["message"],
            "quantity": quantity,
        }
        frame = json.dumps({"type": "drop_opened", "drop": self.drop})
        for one in list(self.room):
            await one.send_text(frame)
        return JSONResponse(self.drop, 201)

    async def report(self, _request: Request) -> JSONResponse:
        count, quantity = len(self.listed()), self.drop["quantity"]
        counts = {"claimed": count, "confirmed": count, "returned": 0, "difference": 0}
        return JSONResponse({**self.drop, **counts, "remaining": quantity - count})

    async def claims(self, _request: Request) -> JSONResponse:
        rows = [
            {"student": student, "state": "confirmed", "won_at": AT, "confirmed_at": AT}
            for student in self.listed()
        ]
        return JSONResponse({"claims": rows, "next": None})

    def listed(self) -> list[str]:
        match self.fault:
            case Fault.LOSES:
                return self.winners[1:]
            case Fault.DOUBLES:
                return [*self.winners[:1], *self.winners]
            case _:
                return self.winners

    async def sit(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol=SUBPROTOCOL)
        try:
            hello = await socket.receive_json()
            self.room.add(socket)
            await socket.send_json({"type": "welcome", "drops": [], "claims": []})
            while True:
                await self.answer(socket, hello["token"], await socket.receive_json())
        except WebSocketDisconnect:
            self.room.discard(socket)

    async def answer(self, socket: WebSocket, token: str, claim: dict[str, Any]) -> None:
        self.taps += 1
        if self.fault is Fault.FORGETS and self.taps == 1:
            return
        units = self.drop["quantity"] - (self.fault is Fault.DOUBLES)
        has_won = len(self.winners) < units
        told = {"type": "claim_result", "drop_id": DROP_ID, "request_id": claim["request_id"]}
        if not has_won:
            await socket.send_json({**told, "outcome": "sold_out"})
            return
        student = name_of(token)
        self.winners.append(student)
        coupon = {"id": f"cpn-{student}"}
        await socket.send_json({**told, "outcome": "won", "coupon_id": coupon["id"]})
        await socket.send_json({"type": "claim_confirmed", "drop_id": DROP_ID, "coupon": coupon})


def name_of(token: str) -> str:
    name: str = jwt.decode(token, options={"verify_signature": False})["sub"]
    return name


@asynccontextmanager
async def faulty_school(fault: Fault) -> AsyncIterator[str]:
    """Its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        School(fault).app, ws="websockets-sansio", log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = server.force_exit = True
    await serving
    listening.close()
