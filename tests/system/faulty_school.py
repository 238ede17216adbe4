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
EVER_AFTER = "2999-01-01T00:00:00.000Z"
DROP_ID = "drp_faulty"


class Fault(StrEnum):
    NONE = "none"
    OVERSELLS = "oversells by one"
    LOSES = "loses one"
    DOUBLES = "doubles one"
    FORGETS = "leaves one student unanswered"
    STAMMERS = "answers one student by HTTP only, as it may"


@dataclass(slots=True)
class School:
    fault: Fault
    drop: dict[str, Any] = field(default_factory=dict)
    winners: list[str] = field(default_factory=list)
    room: set[WebSocket] = field(default_factory=set)
    ignored: str | None = None  # whom the socket never answers

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
                Route("/v1/drops/{id}/claims", self.claim_over_http, methods=["POST"]),
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
            "remaining": quantity,
            "opens_at": AT,
            "closes_at": EVER_AFTER,
        }
        frame = json.dumps({"type": "drop_opened", "drop": self.drop, "epoch": "e", "offset": 1})
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
            await socket.send_json(
                {
                    "type": "welcome",
                    "room": socket.path_params["room"],
                    "student": name_of(hello["token"]),
                    "now": AT,
                    "epoch": "e",
                    "offset": 0,
                    "present": len(self.room),
                    "drops": [],
                    "claims": [],
                }
            )
            while True:
                await self.answer(socket, hello["token"], await socket.receive_json())
        except WebSocketDisconnect:
            self.room.discard(socket)

    async def answer(self, socket: WebSocket, token: str, frame: dict[str, Any]) -> None:
        student = name_of(token)
        if self.ignored is None and self.fault in (Fault.FORGETS, Fault.STAMMERS):
            self.ignored = student
        if frame["type"] != "claim" or student == self.ignored:
            return
        told = {"type": "claim_result", "request_id": frame["request_id"], **self.decide(student)}
        await socket.send_json(told)
        if told["outcome"] == "won":
            coupon = {"id": told["coupon_id"]}
            await socket.send_json(
                {"type": "claim_confirmed", "drop_id": DROP_ID, "coupon": coupon}
            )

    async def claim_over_http(self, request: Request) -> JSONResponse:
        if self.fault is Fault.FORGETS:
            return JSONResponse({"code": "unavailable"}, 503)
        told = self.decide(name_of(request.headers["Authorization"].removeprefix("Bearer ")))
        if told["outcome"] == "won":
            told["coupon"] = {"id": told["coupon_id"]}
        return JSONResponse(told)

    def decide(self, student: str) -> dict[str, Any]:
        units = self.drop["quantity"] - (self.fault is Fault.DOUBLES)
        if len(self.winners) >= units:
            return {"drop_id": DROP_ID, "outcome": "sold_out"}
        self.winners.append(student)
        return {"drop_id": DROP_ID, "outcome": "won", "coupon_id": f"cpn-{student}"}


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
