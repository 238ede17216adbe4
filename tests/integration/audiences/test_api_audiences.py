"""Audiences over HTTP: who may make them, what is refused, and which version is replaced."""

import pytest

from tests.support.builders.api import Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio
A_LIST: Json = {"name": "Some", "kind": "list", "students": ["ann", "bob"]}
CONDITION: Json = {"fact": "tag", "op": "=", "value": "vip"}
A_RULE: Json = {"name": "Vips", "kind": "rule", "rule": {"all": [CONDITION]}}


async def made(api: Api, body: Json) -> Json:
    return good(await (await api.operator()).post("/v1/audiences", json=body), 201)


async def test_an_audience_is_made_shown_listed_and_previewed(api: Api) -> None:
    operator = await api.operator()
    audience = await made(api, A_LIST)
    path = f"/v1/audiences/{audience['id']}"

    assert (audience["version"], audience["kind"], audience["size"]) == (1, "list", 2)
    assert good(await operator.get(path)) == audience
    assert good(await operator.get("/v1/audiences"))["audiences"] == [audience]
    assert good(await operator.post(f"{path}/preview")) == {"count": 2, "sample": ["ann", "bob"]}


async def test_a_rule_is_shown_as_it_was_sent(api: Api) -> None:
    rule = {"all": [CONDITION, {"any": [{**CONDITION, "op": "in", "value": ["a", "b"]}]}]}
    audience = await made(api, {**A_RULE, "rule": rule})
    assert audience["rule"] == rule
    assert "size" not in audience


async def test_a_put_makes_the_next_version(api: Api) -> None:
    operator, audience = await api.operator(), await made(api, A_LIST)
    path = f"/v1/audiences/{audience['id']}"

    second = await operator.put(path, json=A_RULE, headers={"If-Match": '"1"'})
    late = await operator.put(path, json=A_RULE, headers={"If-Match": "1"})

    assert (good(second)["version"], second.headers["etag"]) == (2, '"2"')
    assert refused(late, 409, "wrong_state")["version"] == 2
    assert field_errors(await operator.put(path, json=A_RULE)) == [("If-Match", "missing")]


async def test_metadata_are_kept_and_a_put_replaces_them(api: Api) -> None:
    operator = await api.operator()
    audience = await made(api, {**A_LIST, "metadata": {"crm": "17"}})
    path = f"/v1/audiences/{audience['id']}"

    assert audience["metadata"] == {"crm": "17"}
    assert good(await operator.get(path)) == audience
    assert good(await operator.get("/v1/audiences"))["audiences"] == [audience]
    other = {**A_LIST, "metadata": {"crm": "18"}}
    second = good(await operator.put(path, json=other, headers={"If-Match": "1"}))
    assert second["metadata"] == {"crm": "18"}
    good(await operator.put(path, json=A_LIST, headers={"If-Match": "2"}))
    assert good(await operator.get(path))["metadata"] == {}


async def test_a_put_that_comes_too_late_leaves_the_metadata(api: Api) -> None:
    operator = await api.operator()
    audience = await made(api, {**A_LIST, "metadata": {"crm": "17"}})
    path = f"/v1/audiences/{audience['id']}"
    good(
        await operator.put(
            path, json={**A_LIST, "metadata": {"crm": "17"}}, headers={"If-Match": "1"}
        )
    )

    late = await operator.put(path, json=A_LIST, headers={"If-Match": "1"})

    refused(late, 409, "wrong_state")
    assert good(await operator.get(path))["metadata"] == {"crm": "17"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"students": None}, ("students", "missing")),
        ({"tag": "vip"}, ("tag", "unsupported")),
        ({"students": ["a b"]}, ("students.0", "bad_format")),
        ({"students": "ann"}, ("students", "wrong_type")),
        ({"kind": "tag", "students": None}, ("tag", "missing")),
        ({"kind": "rule", "students": None}, ("rule", "missing")),
        ({"kind": "all"}, ("kind", "unknown_value")),
        ({"name": ""}, ("name", "too_short")),
        ({"metadata": {str(n): "x" for n in range(21)}}, ("metadata", "too_many")),
    ],
)
async def test_a_bad_audience_names_its_field(
    api: Api, change: Json, error: tuple[str, str]
) -> None:
    before = await api.row_counts()
    answer = await (await api.operator()).post("/v1/audiences", json={**A_LIST, **change})
    assert field_errors(answer) == [error]
    assert await api.row_counts() == before


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({}, ("rule", "one_of_all_and_any")),
        ({"all": [{**CONDITION, "fact": "age"}]}, ("rule.all.0.fact", "unknown_value")),
        ({"all": [{**CONDITION, "op": ">="}]}, ("rule.all.0.op", "unsupported")),
        ({"all": [{**CONDITION, "op": "like"}]}, ("rule.all.0.op", "unknown_value")),
        ({"all": [{**CONDITION, "value": 7}]}, ("rule.all.0.value", "wrong_type")),
        ({"any": [{"all": [{"all": []}]}]}, ("rule.any.0.all.0.all", "unsupported")),
    ],
)
async def test_a_bad_rule_names_its_place(api: Api, rule: Json, error: tuple[str, str]) -> None:
    answer = await (await api.operator()).post("/v1/audiences", json={**A_RULE, "rule": rule})
    assert error in field_errors(answer)


async def test_a_list_may_have_200_000_students_and_no_more(api: Api) -> None:
    students = [f"student-{n}" for n in range(200_000)]
    audience = await made(api, {**A_LIST, "students": students})
    assert audience["size"] == 200_000
    more = {**A_LIST, "students": [*students, "one"]}
    answer = await (await api.operator()).post("/v1/audiences", json=more)
    assert field_errors(answer) == [("students", "too_many")]


async def test_only_operators_write_and_finance_reads(api: Api) -> None:
    audience = await made(api, A_LIST)
    refused(await (await api.service()).post("/v1/audiences", json=A_LIST), 403, "wrong_role")
    finance = await api.finance()
    assert good(await finance.get(f"/v1/audiences/{audience['id']}")) == audience
    refused(await finance.post(f"/v1/audiences/{audience['id']}/preview"), 403, "wrong_role")
    refused(await (await api.operator()).get("/v1/audiences/aud_no"), 404, "not_found")
