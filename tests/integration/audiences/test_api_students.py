"""Students over HTTP: what the school says of them is kept, found and changed."""

from typing import Any

import pytest

from tests.support.builders.api import Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio


async def say(api: Api, *students: Json) -> Json:
    return good(await (await api.service()).post("/v1/students", json={"students": students}))


async def listed(api: Api, **params: Any) -> Json:
    return good(await (await api.operator()).get("/v1/students", params=params))


def ids(page: Json) -> list[str]:
    return [each["id"] for each in page["students"]]


async def test_what_the_school_says_is_listed(api: Api) -> None:
    said = {
        "id": "ann",
        "name": "Ann Li",
        "registered_at": "2026-01-02T03:04:05.000Z",
        "tags": ["vip", "grade 7"],
        "facts": {"city": "Xi'an", "visits": 3, "rate": 0.5, "paying": True},
    }
    assert await say(api, said) == {"upserted": 1}

    (found,) = (await listed(api))["students"]

    assert found.pop("first_seen").endswith("Z")
    assert found == {**said, "tags": ["grade 7", "vip"], "lessons_done": 0}


async def test_a_second_call_changes_only_what_it_says(api: Api) -> None:
    await say(api, {"id": "ann", "name": "Ann", "tags": ["vip"], "facts": {"a": 1, "b": 2}})
    await say(api, {"id": "ann", "facts": {"a": None, "b": "two"}})
    (kept,) = (await listed(api))["students"]
    await say(api, {"id": "ann", "tags": []})
    (bare,) = (await listed(api))["students"]

    assert (kept["name"], kept["tags"], kept["facts"]) == ("Ann", ["vip"], {"b": "two"})
    assert (bare["name"], bare["tags"]) == ("Ann", [])


async def test_the_list_has_pages_newest_first(api: Api) -> None:
    for name in ("ann", "bob", "cem"):
        api.clock.now += 1
        await say(api, {"id": name})

    first = await listed(api, limit=2)
    rest = await listed(api, limit=2, after=first["next"])

    assert (ids(first), ids(rest), rest["next"]) == (["cem", "bob"], ["ann"], None)


async def test_students_of_one_call_have_pages_too(api: Api) -> None:
    await say(api, *({"id": f"s{n}"} for n in range(5)))
    first = await listed(api, limit=3)
    rest = await listed(api, limit=3, after=first["next"])
    assert sorted(ids(first) + ids(rest)) == [f"s{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"q": "an"}, {"ann", "ant"}),
        ({"q": "ann"}, {"ann"}),
        ({"q": "WANG"}, {"bob"}),
        ({"q": "%"}, set()),
        ({"q": "a_n"}, set()),
        ({"tag": "vip"}, {"ann", "bob"}),
        ({"q": "an", "tag": "vip"}, {"ann"}),
        ({"tag": "none"}, set()),
    ],
)
async def test_students_are_found(api: Api, params: Json, found: set[str]) -> None:
    await say(
        api,
        {"id": "ann", "tags": ["vip"]},
        {"id": "ant", "tags": ["new"]},
        {"id": "bob", "name": "Wang Bo", "tags": ["vip"]},
    )
    assert set(ids(await listed(api, **params))) == found


@pytest.mark.parametrize(
    ("students", "error"),
    [
        ([{"name": "Ann"}], ("students.0.id", "missing")),
        ([{"id": "a"}, {"id": "b"}, {"id": "a"}], ("students.2.id", "duplicate")),
        ([{"id": "a", "tags": ["x" * 65]}], ("students.0.tags.0", "too_long")),
        ([{"id": "a b"}], ("students.0.id", "bad_format")),
        ([{"id": "a", "age": 7}], ("students.0.age", "unsupported")),
        ([{"id": "a", "registered_at": "soon"}], ("students.0.registered_at", "bad_format")),
        ([], ("students", "too_few")),
        ([{"id": f"s{n}"} for n in range(1_001)], ("students", "too_many")),
    ],
)
async def test_a_bad_call_names_its_field_and_changes_nothing(
    api: Api, students: list[Json], error: tuple[str, str]
) -> None:
    before = await api.row_counts()
    answer = await (await api.service()).post("/v1/students", json={"students": students})
    assert error in field_errors(answer)
    assert await api.row_counts() == before


async def test_a_thousand_students_are_more_than_64_kb(api: Api) -> None:
    many = [{"id": f"s{n}", "name": "n" * 60, "tags": ["t" * 40]} for n in range(1_000)]
    assert await say(api, *many) == {"upserted": 1_000}


async def test_who_may_say_and_who_may_read(api: Api) -> None:
    body = {"students": [{"id": "ann"}]}
    good(await (await api.operator()).post("/v1/students", json=body))
    refused(await (await api.teacher()).post("/v1/students", json=body), 403, "wrong_role")
    refused(await (await api.student()).get("/v1/students"), 403, "wrong_role")


async def test_a_list_that_is_sent_again_with_its_key_undoes_nothing(api: Api) -> None:
    operator, key = await api.operator(), {"Idempotency-Key": "k1"}
    first = {"students": [{"id": "ann", "tags": ["new"]}]}
    good(await operator.post("/v1/students", json=first, headers=key))
    good(await operator.post("/v1/students", json={"students": [{"id": "ann", "tags": ["vip"]}]}))

    again = good(await operator.post("/v1/students", json=first, headers=key))
    other = {"students": [{"id": "ann", "tags": []}]}
    refused(
        await operator.post("/v1/students", json=other, headers=key), 409, "idempotency_mismatch"
    )

    assert again == {"upserted": 1}
    found = good(await operator.get("/v1/students", params={"q": "ann"}))
    assert [one["tags"] for one in found["students"]] == [["vip"]]
