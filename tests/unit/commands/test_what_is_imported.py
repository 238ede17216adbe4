"""A command imports what it needs: all of the service together is two seconds of CPU at every start."""

import subprocess
import sys

import pytest

SERVING = ("server.api", "server.gateway", "server.pages", "pydantic", "starlette", "uvicorn")
MIGRATING = ("alembic",)
STORES = ("redis", "sqlalchemy")


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("server.__main__", (*SERVING, *MIGRATING, *STORES)),
        ("server.commands.token", (*SERVING, *MIGRATING, *STORES)),
        ("server.commands.migrate", (*SERVING, "redis")),
        ("server.commands.worker", (*SERVING, *MIGRATING)),
        ("server.commands.doctor", (*SERVING, *MIGRATING)),
        ("server.commands.run", SERVING),
        ("server.commands.web", MIGRATING),
    ],
)
def test_a_command_spares_what_it_does_not_use(module: str, spared: tuple[str, ...]) -> None:
    look = f"import sys, {module}; print(*({{*sys.modules}} & {{*{spared!r}}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", look], check=True, capture_output=True, text=True
    )

    assert loaded.stdout.split() == []
