"""The Python and the JavaScript SDK have the same files, names, texts and tokens."""

import json
import re
import subprocess
from pathlib import Path

import pytest

import client_sdk.python as sdk
from client_sdk.python import Bearer, make_token, text_tables, texts
from client_sdk.python.api import Api as RoomApi
from client_sdk.python.office_api import OfficeApi
from server.core.identity import Role
from server.tokens import TokenKeys

SDK = Path(__file__).parents[2] / "client_sdk"
SECRET = "a-secret-of-at-least-32-characters"
NOW = 1_772_355_600_000


def in_javascript(expression: str) -> object:
    """Return the value of an expression over the SDK's modules. `import(name)` is relative to its folder."""
    script = f"console.log(JSON.stringify(await (async () => {expression})()))"
    command = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(
        command, cwd=SDK / "javascript", capture_output=True, text=True, check=True, timeout=30
    )
    return json.loads(done.stdout)


def _javascript_name(name: str) -> str:
    return re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)


def test_both_have_the_same_files() -> None:
    ours = _modules(SDK / "python", "py") - {"__init__"}
    theirs = _modules(SDK / "javascript", "js") - {
        "index",
        "offer-element",
        "player-element",
        "room-element",
    }
    assert {name.removesuffix("/__init__") for name in ours} == {
        name for name in theirs if not name.startswith("element/")
    }


def _modules(folder: Path, ending: str) -> set[str]:
    return {
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob(f"*.{ending}")
    }


def test_both_show_the_same_public_names() -> None:
    # A name that is only a type has nothing to import in JavaScript.
    types = {"Bearer", "Claim", "ClaimState", "Page", "RoomEvent", "RoomState", "Status"}
    theirs = in_javascript("Object.keys(await import('./index.js'))")
    assert isinstance(theirs, list)
    assert {_javascript_name(name) for name in set(sdk.__all__) - types} == set(theirs)


@pytest.mark.parametrize(
    ("module", "ours"), [("api", RoomApi), ("office_api", OfficeApi)], ids=["api", "office_api"]
)
def test_both_have_the_same_calls(module: str, ours: type) -> None:
    names = in_javascript(
        f"Object.getOwnPropertyNames((await import('./{module}.js')).{ours.__name__}.prototype)"
        ".filter((name) => name !== 'constructor' && !name.startsWith('_'))"
    )
    assert isinstance(names, list)
    calls = {name for name in vars(ours) if not name.startswith("_")}
    assert {_javascript_name(name) for name in calls} == set(names)


def test_the_public_api_has_every_call() -> None:
    theirs = in_javascript("(await import('./index.js')).Api.name")
    assert (theirs, sdk.Api) == ("OfficeApi", OfficeApi)


def test_both_say_the_same_words() -> None:
    theirs = in_javascript("(await import('./text_tables.js')).TEXTS")
    assert theirs == json.loads(json.dumps(text_tables.TEXTS))


@pytest.mark.parametrize("code", range(4000, 4010))
def test_both_call_a_close_by_the_same_word(code: int) -> None:
    theirs = in_javascript(f"(await import('./texts.js')).closeText({code}, 'en')")
    assert theirs == texts.close_text(code, "en")


def test_the_server_accepts_a_token_of_the_python_sdk() -> None:
    who = Bearer("stu_1", "student", ["algebra"], ["vip"], name="小明", device="d", is_new=True)
    identity = TokenKeys([SECRET]).verify(make_token(SECRET, who, now=NOW), NOW)
    assert (identity.subject, identity.role) == ("stu_1", Role.STUDENT)
    assert (identity.rooms, identity.tags) == (frozenset({"algebra"}), frozenset({"vip"}))
    assert (identity.name, identity.device, identity.is_new) == ("小明", "d", True)
    assert identity.expires_at == NOW + 4 * 3_600_000 + 60_000


def test_the_server_accepts_a_token_of_the_javascript_sdk() -> None:
    who = {
        "sub": "ins_1",
        "role": "instructor",
        "rooms": ["algebra"],
        "name": "老师",
        "ttlSeconds": 60,
    }
    token = in_javascript(
        f"(await import('./tokens.js')).makeToken('{SECRET}', {json.dumps(who)}, {NOW})"
    )
    assert isinstance(token, str)
    identity = TokenKeys([SECRET]).verify(token, NOW)
    assert (identity.subject, identity.role) == ("ins_1", Role.INSTRUCTOR)
    assert (identity.rooms, identity.name) == (frozenset({"algebra"}), "老师")
    assert identity.expires_at == NOW + 60_000 + 60_000


def test_the_code_stays_small() -> None:
    """A page's first load has 60 KB compressed in all; comments are not counted here."""
    size = in_javascript(
        "{ const { gzipSync } = await import('node:zlib');"
        "  const { readFileSync, readdirSync } = await import('node:fs');"
        "  return readdirSync('.')"
        "    .filter((name) => name.endsWith('.js'))"
        "    .filter((name) => !/shapes|-element|webhooks|statements|office_api/.test(name))"
        "    .map((name) => readFileSync(name, 'utf8').replace(/\\/\\*[^]*?\\*\\//g, ''))"
        "    .reduce((sum, code) => sum + gzipSync(code).length, 0); }"
    )
    assert isinstance(size, int)
    assert size <= 30 * 1024  # the calls that pages of a class make and every text are in it
