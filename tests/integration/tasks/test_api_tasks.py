"""Tasks over HTTP: made by a teacher, done by students, asked for by claims."""

import httpx
import pytest

from server.core.drops.invite_rule import InviteRule
from tests.support.builders.api import ROOM, Api, Json, field_errors, good, refused, with_parts

pytestmark = pytest.mark.asyncio

QUESTION: Json = {"kind": "answer", "question": "1+1?", "options": ["one", "two"], "right": 1}
TASKS: list[Json] = [
    {"kind": "watch", "minutes": 5},
    QUESTION,
    {"kind": "sign_in"},
    {"kind": "event", "type": "lesson_finished"},
]


async def claim(api: Api, drop: Json, student: str = "ann") -> Json:
    path = f"/v1/drops/{drop['id']}/claims"
    return good(await (await api.student(student)).post(path, json={"request_id": "q"}))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["kind"])
async def test_a_claim_says_what_is_to_be_done(api: Api, task: Json) -> None:
    drop = await api.made_drop(task=task)
    assert drop["task"] == task
    answer = await claim(api, drop)
    assert answer["outcome"] == "task_open"
    assert answer["task"] == {name: task[name] for name in task if name != "right"}
    assert answer["progress"]["passed"] is False
    done = {name: answer["progress"][name] for name in ("done", "needed")}
    assert answer["why"] == {"reason": "task_open", "kind": task["kind"], **done, "tap": 1}
    shown = good(await (await api.student()).get(f"/v1/drops/{drop['id']}/task"))
    assert {name: shown[name] for name in answer["progress"]} == answer["progress"]


@pytest.mark.parametrize("option", [1, "two"])
async def test_the_right_answer_opens_the_drop(api: Api, option: int | str) -> None:
    drop, ann = await api.made_drop(task=QUESTION), await api.student()
    path = f"/v1/drops/{drop['id']}/answer"
    wrong = good(await ann.post(path, json={"option": 0}))
    assert wrong == {
        "drop_id": drop["id"],
        "done": 0,
        "needed": 1,
        "passed": False,
        "tries_left": 1,
    }
    right = good(await ann.post(path, json={"option": option}))
    assert right["passed"] is True
    assert (await claim(api, drop))["outcome"] == "won"


async def test_two_wrong_answers_end_it(api: Api) -> None:
    drop, ann = await api.made_drop(task=QUESTION), await api.student()
    path = f"/v1/drops/{drop['id']}/answer"
    for _ in range(2):
        good(await ann.post(path, json={"option": 0}))
    last = good(await ann.post(path, json={"option": 1}))
    assert (last["passed"], last["tries_left"]) == (False, 0)
    assert (await claim(api, drop))["outcome"] == "task_open"


async def test_an_answer_that_is_no_option_costs_no_try(api: Api) -> None:
    drop, ann = await api.made_drop(task=QUESTION), await api.student()
    path = f"/v1/drops/{drop['id']}/answer"
    assert field_errors(await ann.post(path, json={"option": 5})) == [("option", "unknown")]
    shown = good(await ann.get(f"/v1/drops/{drop['id']}/task"))
    assert shown["tries_left"] == 2


async def test_signing_in_is_one_call_that_may_be_repeated(api: Api) -> None:
    drop, ann = await api.made_drop(task={"kind": "sign_in"}), await api.student()
    for _ in range(2):
        done = good(await ann.post(f"/v1/drops/{drop['id']}/sign-in"))
        assert done == {"drop_id": drop["id"], "done": 1, "needed": 1, "passed": True}
    assert (await claim(api, drop))["outcome"] == "won"
    assert (await claim(api, drop, "bob"))["outcome"] == "task_open"


async def test_a_task_is_done_in_its_own_way_only(api: Api) -> None:
    drop, ann = await api.made_drop(task=QUESTION), await api.student()
    refused(await ann.post(f"/v1/drops/{drop['id']}/sign-in"), 409, "wrong_state")
    without = await api.made_drop()
    refused(await ann.get(f"/v1/drops/{without['id']}/task"), 404, "not_found")
    other = await api.student("eve", "r9")
    refused(await other.get(f"/v1/drops/{drop['id']}/task"), 403, "wrong_room")


async def test_a_task_for_others_is_not_there(api: Api) -> None:
    drop = await api.made_drop(task={"kind": "sign_in"}, audience={"students": ["bob"]})
    ann = await api.student()
    refused(await ann.post(f"/v1/drops/{drop['id']}/sign-in"), 404, "not_found")


async def test_a_closed_drop_has_no_task_any_more(api: Api) -> None:
    drop = await api.made_drop(task={"kind": "sign_in"})
    await (await api.teacher()).post(f"/v1/rooms/{ROOM}/drops/{drop['id']}/close")
    ann = await api.student()
    refused(await ann.post(f"/v1/drops/{drop['id']}/sign-in"), 409, "wrong_state")


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ({"kind": "dance"}, ("task.kind", "unknown_value")),
        ({"kind": "watch", "minutes": 0}, ("task.minutes", "too_small")),
        ({"kind": "event", "type": "nothing"}, ("task.type", "unknown_value")),
        ({**QUESTION, "right": 2}, ("task.right", "unknown")),
        ({**QUESTION, "right": "three"}, ("task.right", "unknown")),
    ],
)
async def test_a_bad_task_is_refused(api: Api, task: Json, error: tuple[str, str]) -> None:
    batch = await api.made_batch()
    body = {"batch_id": batch["id"], "quantity": 1, "duration_seconds": 60, "task": task}
    answer = await (await api.teacher()).post(f"/v1/rooms/{ROOM}/drops", json=body)
    assert field_errors(answer) == [error]


async def test_only_channels_that_allow_it_may_ask_for_invitations(api: Api) -> None:
    invite = {"kind": "invite", "count": 1}
    strict = with_parts(api, invites=InviteRule(frozenset({"app"})))
    live, app = await api.made_batch(channel="live"), await api.made_batch(channel="app")
    teacher, operator = await strict.teacher(), await strict.operator()

    async def dropped(batch: Json) -> httpx.Response:
        body = {"batch_id": batch["id"], "quantity": 1, "duration_seconds": 60, "task": invite}
        return await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body)

    assert field_errors(await dropped(live)) == [("task.kind", "not_allowed")]
    good(await dropped(app), 201)
    shown = good(await teacher.get("/v1/batches"))["batches"]
    assert {one["channel"]: one["may_invite"] for one in shown} == {"live": False, "app": True}
    link = {"channel": "wechat", "quantity": 1, "task": invite}
    made = await operator.post(f"/v1/batches/{app['id']}/links", json=link)
    assert field_errors(made) == [("task.kind", "not_allowed")]


async def made_link(api: Api, task: Json) -> Json:
    batch, operator = await api.made_batch(), await api.operator()
    body = {"channel": "wechat", "quantity": 2, "task": task}
    return good(await operator.post(f"/v1/batches/{batch['id']}/links", json=body), 201)


async def test_the_question_of_a_link_is_answered_from_any_room(api: Api) -> None:
    link, ann = await made_link(api, QUESTION), await api.student("ann", "elsewhere")
    path = f"/v1/drops/{link['drop_id']}"
    assert "right" not in good(await ann.get(f"{path}/task"))["task"]
    assert good(await ann.post(f"{path}/answer", json={"option": 1}))["passed"] is True


async def test_an_invitation_to_a_link_leads_to_its_page(api: Api) -> None:
    link, ann = (
        await made_link(api, {"kind": "invite", "count": 1}),
        await api.student("ann", "elsewhere"),
    )
    own = good(await ann.post(f"/v1/drops/{link['drop_id']}/invite"))
    assert own["url"].endswith(f"/c/{link['slug']}#invite={own['code']}")
    assert "ann" not in own["url"]

    bob = await api.student("bob", "elsewhere", new=True)
    came = good(await bob.post("/v1/invitations", json={"code": own["code"]}))

    assert came == {"drop_id": link["drop_id"], "link": link["slug"], "counted": True}
    claimed = await ann.post(f"/v1/links/{link['id']}/claims", json={"request_id": "q"})
    assert good(claimed)["outcome"] == "won"
