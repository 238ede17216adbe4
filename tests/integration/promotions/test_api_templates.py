import asyncio

import pytest

from tests.support.builders.api import Api, a_template, field_errors, good, refused

pytestmark = pytest.mark.asyncio
FIXED = {"kind": "fixed", "from": "2026-03-01", "until": "2026-03-07"}


async def test_a_template_is_made_and_found_again(api: Api) -> None:
    operator = await api.operator()
    answer = await operator.post("/v1/templates", json=a_template(style={"colour": "#ff0000"}))
    made = good(answer, 201)
    assert {**made, **a_template()} == made
    assert made["version"] == 1
    assert made["created_at"] == "2026-03-01T09:00:00.000Z"
    assert made["style"] == {"colour": "#ff0000"}
    assert answer.headers["etag"] == '"1"'
    assert good(await operator.get(f"/v1/templates/{made['id']}")) == made


async def test_what_was_left_out_stays_out_of_the_answer(api: Api) -> None:
    made = await api.made_template()
    assert made.keys().isdisjoint({"style", "use_url"})
    assert made["metadata"] == {}


async def test_days_are_days_of_the_school(api: Api) -> None:
    made = await api.made_template(validity=FIXED)
    assert made["validity"] == {
        "kind": "fixed",
        "from": "2026-02-28T16:00:00.000Z",
        "until": "2026-03-07T16:00:00.000Z",
    }


async def test_replacing_makes_the_next_version(api: Api) -> None:
    operator, made = await api.operator(), await api.made_template()
    path = f"/v1/templates/{made['id']}"
    answer = await operator.put(path, json=a_template(name="New"), headers={"If-Match": '"1"'})
    assert good(answer)["version"] == 2
    assert answer.headers["etag"] == '"2"'
    assert good(await operator.get(path))["name"] == "New"


@pytest.mark.parametrize("sent", ["1", '"1"', 'W/"1"'])
async def test_a_version_may_be_written_in_each_of_its_forms(api: Api, sent: str) -> None:
    operator, made = await api.operator(), await api.made_template()
    path = f"/v1/templates/{made['id']}"
    assert good(await operator.put(path, json=a_template(), headers={"If-Match": sent}))


@pytest.mark.parametrize("sent", ['"1', '1"', "W/1", "*", '"1", "2"', "-1", "1.0", '""'])
async def test_what_is_no_version_is_refused(api: Api, sent: str) -> None:
    operator, made = await api.operator(), await api.made_template()
    path = f"/v1/templates/{made['id']}"
    answer = await operator.put(path, json=a_template(), headers={"If-Match": sent})
    assert field_errors(answer) == [("If-Match", "bad_format")]


async def test_of_two_who_replace_one_is_told_the_version_there_is(api: Api) -> None:
    operator, made = await api.operator(), await api.made_template()
    answers = await asyncio.gather(
        *(
            operator.put(
                f"/v1/templates/{made['id']}", json=a_template(), headers={"If-Match": "1"}
            )
            for _ in range(2)
        )
    )
    late = max(answers, key=lambda answer: answer.status_code)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert refused(late, 409, "wrong_state")["version"] == 2


@pytest.mark.parametrize(("if_match", "code"), [({}, "missing"), ({"If-Match": "*"}, "bad_format")])
async def test_replacing_needs_the_version_that_was_read(
    api: Api, if_match: dict[str, str], code: str
) -> None:
    operator, made = await api.operator(), await api.made_template()
    answer = await operator.put(f"/v1/templates/{made['id']}", json=a_template(), headers=if_match)
    assert field_errors(answer) == [("If-Match", code)]


@pytest.mark.parametrize("name", ["tpl_nowhere", "a%00b", "x" * 41, "..%2f"])
async def test_a_template_that_is_not_there_is_not_found(api: Api, name: str) -> None:
    refused(await (await api.operator()).get(f"/v1/templates/{name}"), 404, "not_found")


async def test_templates_are_listed_newest_first_page_by_page(api: Api) -> None:
    operator = await api.operator()
    ids = [(await api.made_template())["id"] for _ in range(3)]
    first = good(await operator.get("/v1/templates", params={"limit": 2}))
    assert [each["id"] for each in first["templates"]] == sorted(ids, reverse=True)[:2]
    rest = good(await operator.get("/v1/templates", params={"after": str(first["next"])}))
    assert [each["id"] for each in rest["templates"]] == [min(ids)]
    assert rest["next"] is None


async def test_the_same_key_makes_one_template(api: Api) -> None:
    operator, headers = await api.operator(), {"Idempotency-Key": "k-1"}
    answers = [
        await operator.post("/v1/templates", json=a_template(), headers=headers) for _ in range(2)
    ]
    assert good(answers[0], 201) == good(answers[1], 201)
    assert (await api.row_counts())["templates"] == 1


async def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    operator, headers = await api.operator(), {"Idempotency-Key": "k-1"}
    await operator.post("/v1/templates", json=a_template(), headers=headers)
    answer = await operator.post("/v1/templates", json=a_template(name="B"), headers=headers)
    refused(answer, 409, "idempotency_mismatch")


@pytest.mark.parametrize(("key", "code"), [("k" * 256, "too_long"), ("a\tb", "bad_format")])
async def test_a_key_is_up_to_255_printable_characters(api: Api, key: str, code: str) -> None:
    operator = await api.operator()
    answer = await operator.post(
        "/v1/templates", json=a_template(), headers={"Idempotency-Key": key}
    )
    assert field_errors(answer) == [("Idempotency-Key", code)]


async def test_finance_reads_templates_and_makes_none(api: Api) -> None:
    finance, made = await api.finance(), await api.made_template()
    assert good(await finance.get(f"/v1/templates/{made['id']}")) == made
    refused(await finance.post("/v1/templates", json=a_template()), 403, "wrong_role")
