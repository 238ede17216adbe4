"""Private parts of other libraries that we use, and the bounds that keep them as they are.

A version with another minor number may move such a part without notice. The bound stands in
pyproject.toml, because `pip install .` does not read constraints.txt. Whoever raises it looks at each
part in the table first, then changes the number here.
"""

import tomllib
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

_PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())


@dataclass(frozen=True)
class Pin:
    """`looked_at`: the last minor version whose `parts` (module:attribute.attribute) were read."""

    looked_at: str
    parts: tuple[str, ...]


PINS = {
    "aiosqlite": Pin("0.22", ("aiosqlite:Connection._execute",)),
    "uvicorn": Pin(
        "0.54",
        (
            "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol._should_upgrade",
            "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol._unset_keepalive_if_required",
            "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.send",
        ),
    ),
    "httptools": Pin("0.9", ("httptools:HttpRequestParser.feed_data",)),
    "redis": Pin(
        "8.1",
        (
            "redis.asyncio.connection:AbstractConnection.read_response",
            "redis.asyncio.connection:AbstractConnection.send_packed_command",
            "redis.asyncio:BlockingConnectionPool.from_url",
        ),
    ),
}


def requirement(name: str) -> Requirement:
    wanted = map(Requirement, _PYPROJECT["project"]["dependencies"])
    return next(each for each in wanted if each.name == name)


def next_minor(text: str) -> Version:
    major, minor = Version(text).release[:2]
    return Version(f"{major}.{minor + 1}")


@pytest.mark.parametrize("name", PINS)
def test_library_whose_private_parts_are_used_is_bounded_below_its_next_minor_version(
    name: str,
) -> None:
    allowed = requirement(name).specifier

    assert allowed.contains(version(name))
    assert Version(version(name)).release[:2] == Version(PINS[name].looked_at).release[:2]
    assert not allowed.contains(next_minor(PINS[name].looked_at))


@pytest.mark.parametrize(("name", "part"), [(n, part) for n in PINS for part in PINS[n].parts])
def test_private_part_is_still_there(name: str, part: str) -> None:
    module, _, path = part.partition(":")
    found: object = import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    assert callable(found), name
