"""Programs that read files: how many at once, what ends them, and what they are not told."""

import asyncio
from contextlib import aclosing

import pytest

from server.sheets import programs
from server.sheets.programs import Programs, ProgramsBusyError, UnreadableFileError

pytestmark = pytest.mark.asyncio


async def lines(reader: Programs, content: bytes) -> list[bytes]:
    return [line async for line in reader.read_file(content, None)]


async def test_who_finds_no_place_is_told_so() -> None:
    reader = Programs(at_once=1, wait_seconds=0.0)
    async with aclosing(reader.read_file(b"ann\n", None)) as first:
        await anext(first)
        with pytest.raises(ProgramsBusyError):
            await lines(reader, b"bob\n")
    assert len(await lines(reader, b"bob\n")) == 2


async def test_a_program_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "READ_SECONDS", 0.0)
    with pytest.raises(UnreadableFileError):
        await lines(Programs(), b"ann\n")


async def test_files_at_the_same_time_are_all_read() -> None:
    reader = Programs()
    found = await asyncio.gather(*(lines(reader, b"s%d\n" % number) for number in range(4)))
    assert [len(each) for each in found] == [2] * 4


async def test_a_program_gets_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}
    create = asyncio.create_subprocess_exec

    async def spy(*command: str, **options: object) -> object:
        seen.update(options["env"])  # type: ignore[call-overload]
        return await create(*command, **options)  # type: ignore[arg-type]

    monkeypatch.setenv("CLASSDROP_SECRET", "s" * 40)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    await lines(Programs(), b"ann\n")
    assert "PATH" in seen
    assert not any(name.startswith("CLASSDROP_") for name in seen)
