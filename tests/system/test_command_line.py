"""The command line as a platform meets it: exit status and words."""

import stat
from pathlib import Path

import pytest

from server.core.identity import Role
from server.tokens import TokenKeys
from tests.support.servers.stack import SECRET, Programs, Stack


@pytest.mark.parametrize("role", ["web", "worker"])
def test_role_without_settings_names_each_and_ends_with_status_2(
    role: str, programs: Programs
) -> None:
    program = programs.start([role])

    assert program.wait(15) == 2
    assert [line.split()[1] for line in program.errors.splitlines()] == [
        "CLASSDROP_REDIS_URL",
        "CLASSDROP_DATABASE_URL",
        "CLASSDROP_SECRET",
    ]


def test_run_with_a_redis_of_the_school_needs_its_secret(stack: Stack) -> None:
    environment = {**stack.environment, "CLASSDROP_SECRET": ""}
    program = stack.programs.start([], environment)

    assert program.wait(15) == 2
    assert program.errors.startswith("classdrop: CLASSDROP_SECRET is missing")
    assert len(program.errors.splitlines()) == 1


def test_bad_setting_is_one_line(programs: Programs) -> None:
    program = programs.start(["migrate"], {"CLASSDROP_TIME_ZONE": "Moon/Base"})

    assert program.wait(15) == 2
    assert program.errors == (
        "classdrop: CLASSDROP_TIME_ZONE must be an IANA time zone like Asia/Shanghai, "
        "not 'Moon/Base'\n"
    )


def test_migrate_makes_a_schema_and_may_be_repeated(programs: Programs, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"

    for _ in range(2):
        program = programs.start(["migrate"], {"CLASSDROP_DATABASE_URL": url})
        assert program.wait(15) == 0, program.errors
    assert modes_below(tmp_path, "ledger.db*") == {0o600}


def modes_below(folder: Path, pattern: str) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.glob(pattern)}


def test_file_that_web_makes_is_for_its_own_user(stack: Stack, tmp_path: Path) -> None:
    """It looks into a ledger that nobody has made, which makes the file, and refuses."""
    web = stack.web(CLASSDROP_DATABASE_URL=f"sqlite:///{tmp_path / 'other.db'}")

    assert web.wait(15) == 2
    assert modes_below(tmp_path, "other.db*") == {0o600}


def test_tokens_replace_a_file_that_others_could_read(programs: Programs, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    out.write_text("longer than any token is\n" * 100)
    out.chmod(0o644)
    asked = ["token", "--role", "service", "--sub", "shop", "--count", "1", "--out", str(out)]
    program = programs.start(asked, {"CLASSDROP_SECRET": SECRET})

    assert program.wait(15) == 0, program.errors
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (line,) = out.read_text().splitlines()
    assert TokenKeys((SECRET,)).verify(line, 0).role is Role.SERVICE


def test_tokens_are_written_to_a_file_of_one_reader(programs: Programs, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    asked = "token --role student --sub s --room demo --tag new --count 3 --out"
    program = programs.start([*asked.split(), str(out)], {"CLASSDROP_SECRET": SECRET})

    assert program.wait(15) == 0, program.errors
    identities = [TokenKeys((SECRET,)).verify(line, 0) for line in out.read_text().splitlines()]
    assert [identity.subject for identity in identities] == ["s0", "s1", "s2"]
    assert {identity.role for identity in identities} == {Role.STUDENT}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert program.output == ""


def test_token_without_any_secret_is_refused(programs: Programs) -> None:
    program = programs.start(["token", "--role", "service", "--sub", "shop"])

    assert program.wait(15) == 2
    assert program.errors.startswith("classdrop: CLASSDROP_SECRET is missing")
