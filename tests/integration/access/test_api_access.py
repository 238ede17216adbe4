"""The calls of operators: blocks, revocations, stops of instructors."""

from typing import Any

import pytest
from sqlalchemy import select

from server.core import instants
from server.ledger.tables import acts
from tests.support.builders.api import Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio

A_BLOCK: Json = {"kind": "student", "value": "ann", "reason": "abuse"}
TOO_MANY = {f"k{n}": "v" for n in range(21)}


async def actions(api: Api) -> list[str]:
    async with api.parts.ledger.read() as conn:
        return list(await conn.scalars(select(acts.c.action).order_by(acts.c.id)))


class TestBlocks:
    async def test_it_is_made_shown_listed_and_ended(self, api: Api) -> None:
        operator = await api.operator()
        until = "2040-01-01T00:00:00.000Z"
        made = good(await operator.post("/v1/blocks", json=A_BLOCK | {"until": until}), 201)
        assert made | {"id": "", "created_at": ""} == {
            **A_BLOCK,
            "id": "",
            "until": until,
            "metadata": {},
            "created_by": "olga",
            "created_at": "",
            "ended_by": None,
            "ended_at": None,
        }
        assert good(await operator.get(f"/v1/blocks/{made['id']}")) == made
        assert good(await operator.get("/v1/blocks")) == {"blocks": [made], "next": None}

        ended = good(await operator.delete(f"/v1/blocks/{made['id']}"))
        assert (ended["ended_by"], ended["value"]) == ("olga", "ann")
        assert good(await operator.delete(f"/v1/blocks/{made['id']}")) == ended
        assert good(await operator.get("/v1/blocks"))["blocks"] == []
        assert await actions(api) == ["block.made", "block.ended"]

    async def test_it_keeps_its_metadata(self, api: Api) -> None:
        operator, metadata = await api.operator(), {"ticket": "88", "说明": "重复账号"}
        made = good(await operator.post("/v1/blocks", json=A_BLOCK | {"metadata": metadata}), 201)

        assert made["metadata"] == metadata
        assert good(await operator.get(f"/v1/blocks/{made['id']}")) == made
        assert good(await operator.get("/v1/blocks"))["blocks"] == [made]
        ended = good(await operator.delete(f"/v1/blocks/{made['id']}"))
        assert ended["metadata"] == metadata

    async def test_it_is_ended_by_what_it_names(self, api: Api) -> None:
        operator = await api.operator()
        made = good(await operator.post("/v1/blocks", json=A_BLOCK), 201)
        named = {"kind": "student", "value": "ann"}

        ended = good(await operator.request("DELETE", "/v1/blocks", json=named))
        assert ended["id"] == made["id"]
        refused(await operator.delete("/v1/blocks", params=named), 404, "not_found")
        again = good(await operator.post("/v1/blocks", json=A_BLOCK), 201)
        assert good(await operator.delete("/v1/blocks", params=named))["id"] == again["id"]
        assert field_errors(await operator.delete("/v1/blocks")) == [("kind", "missing")]
        assert field_errors(await operator.delete("/v1/blocks", params={"kind": "tag"})) == [
            ("value", "missing")
        ]

    async def test_a_new_one_takes_the_place_of_the_one_before(self, api: Api) -> None:
        operator = await api.operator()
        first = good(await operator.post("/v1/blocks", json=A_BLOCK), 201)
        second = good(await operator.post("/v1/blocks", json=A_BLOCK | {"reason": "more"}), 201)

        assert good(await operator.get("/v1/blocks"))["blocks"] == [second]
        assert good(await operator.get(f"/v1/blocks/{first['id']}"))["ended_by"] == "olga"

    async def test_the_same_key_makes_one(self, api: Api) -> None:
        operator = await api.operator()
        headers = {"Idempotency-Key": "k1"}
        made = good(await operator.post("/v1/blocks", json=A_BLOCK, headers=headers), 201)

        assert good(await operator.post("/v1/blocks", json=A_BLOCK, headers=headers), 201) == made
        other = await operator.post("/v1/blocks", json=A_BLOCK | {"value": "bob"}, headers=headers)
        refused(other, 409, "idempotency_mismatch")

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"kind": "teacher"}, ("kind", "unknown_value")),
            ({"value": ""}, ("value", "too_short")),
            ({"value": "an n"}, ("value", "bad_character")),
            ({"reason": ""}, ("reason", "too_short")),
            ({"until": "2001-01-01T00:00:00Z"}, ("until", "over")),
            ({"until": "tomorrow"}, ("until", "bad_format")),
            ({"metadata": TOO_MANY}, ("metadata", "too_many")),
            ({"room": "101"}, ("room", "unsupported")),
        ],
    )
    async def test_what_is_wrong_is_named_and_nothing_is_written(
        self, api: Api, change: dict[str, Any], error: tuple[str, str]
    ) -> None:
        before = await api.row_counts()
        answer = await (await api.operator()).post("/v1/blocks", json=A_BLOCK | change)

        assert field_errors(answer) == [error]
        assert await api.row_counts() == before

    async def test_pages_and_filters(self, api: Api) -> None:
        operator = await api.operator()
        for number in range(3):
            body = A_BLOCK | {"value": f"s{number}"}
            good(await operator.post("/v1/blocks", json=body), 201)
        good(await operator.post("/v1/blocks", json=A_BLOCK | {"kind": "tag"}), 201)
        query = {"kind": "student", "limit": "2"}
        first = good(await operator.get("/v1/blocks", params=query))
        rest = good(await operator.get("/v1/blocks", params=query | {"after": first["next"]}))
        named = good(await operator.get("/v1/blocks", params={"value": "s1"}))

        values = [one["value"] for one in first["blocks"] + rest["blocks"]]
        assert (values, rest["next"]) == (["s2", "s1", "s0"], None)
        assert [one["value"] for one in named["blocks"]] == ["s1"]

    async def test_a_block_that_is_over_is_in_no_list(self, api: Api) -> None:
        operator = await api.operator()
        until = instants.to_text(api.clock.now + 1_000)
        good(await operator.post("/v1/blocks", json=A_BLOCK | {"until": until}), 201)
        assert len(good(await operator.get("/v1/blocks"))["blocks"]) == 1
        api.clock.now += 1_000

        assert good(await operator.get("/v1/blocks"))["blocks"] == []


class TestRevocations:
    async def test_each_kind_is_made_and_listed(self, api: Api) -> None:
        operator = await api.operator()
        sent: list[Json] = [
            {"jti": "t-1"},
            {"sub": "ann", "reason": "phone lost", "metadata": {"ticket": "88"}},
        ]
        made = [good(await operator.post("/v1/revocations", json=one), 201) for one in sent]

        assert [(one["kind"], one["jti"], one["sub"]) for one in made] == [
            ("jti", "t-1", None),
            ("sub", None, "ann"),
        ]
        assert [one["metadata"] for one in made] == [{}, {"ticket": "88"}]
        assert [one["made_before"] is None for one in made] == [True, False]
        listed = good(await operator.get("/v1/revocations"))
        assert listed == {"revocations": made[::-1], "next": None}
        assert await actions(api) == ["tokens.revoked"] * 2

    @pytest.mark.parametrize(
        ("body", "errors"),
        [
            ({}, [("jti", "missing")]),
            ({"jti": "a", "sub": "b"}, [("sub", "only_one")]),
            ({"made_before": "2100-01-01T00:00:00Z"}, [("made_before", "too_large")]),
            ({"jti": "a", "metadata": TOO_MANY}, [("metadata", "too_many")]),
            ({"role": "student"}, [("role", "unsupported")]),
        ],
    )
    async def test_what_is_wrong_is_named_and_nothing_is_written(
        self, api: Api, body: dict[str, Any], errors: list[tuple[str, str]]
    ) -> None:
        before = await api.row_counts()
        answer = await (await api.operator()).post("/v1/revocations", json=body)

        assert field_errors(answer) == errors
        assert await api.row_counts() == before


class TestInstructors:
    async def test_one_is_stopped_and_resumed(self, api: Api) -> None:
        operator, drop = await api.operator(), await api.made_drop()
        path = "/v1/instructors/tina"
        assert good(await operator.get(path)) == {
            "instructor": "tina",
            "stopped": False,
            "reason": "",
            "changed_by": "",
            "changed_at": None,
        }
        state = good(await operator.post(f"{path}/stop", json={"reason": "left"}))
        assert (state["stopped"], state["reason"], state["changed_by"]) == (True, "left", "olga")
        assert good(await operator.get(path)) == state
        assert good(await operator.get("/v1/instructors"))["instructors"] == [state]

        room = f"/v1/rooms/{drop['room']}/drops"
        teacher = await api.teacher()
        closed = good(await teacher.get(f"{room}/{drop['id']}"))
        assert closed["state"] == "closed"
        body = {"batch_id": drop["batch_id"], "quantity": 1, "duration_seconds": 60}
        no = refused(await teacher.post(room, json=body), 403, "instructor_stopped")
        assert (no["instructor"], no["reason"]) == ("tina", "left")

        state = good(await operator.post(f"{path}/resume", json={}))
        assert state["stopped"] is False
        good(await teacher.post(room, json=body), 201)
        assert good(await operator.get("/v1/instructors"))["instructors"] == []

    async def test_a_stop_needs_its_reason(self, api: Api) -> None:
        answer = await (await api.operator()).post("/v1/instructors/tina/stop", json={})

        assert field_errors(answer) == [("reason", "missing")]


async def test_only_operators_may(api: Api) -> None:
    calls = [
        ("POST", "/v1/blocks"),
        ("GET", "/v1/blocks"),
        ("DELETE", "/v1/blocks/blk_1"),
        ("POST", "/v1/revocations"),
        ("GET", "/v1/revocations"),
        ("POST", "/v1/instructors/tina/stop"),
        ("POST", "/v1/instructors/tina/resume"),
    ]
    for client in (await api.teacher(), await api.student(), await api.service()):
        for method, path in calls:
            refused(await client.request(method, path), 403, "wrong_role")
