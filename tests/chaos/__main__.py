"""The command line: `python -m tests.chaos [--seconds N] [--seed N] [--ledger postgresql|sqlite]`.

Prints the seed first and the report last, keeps every history in `reports/chaos-SEED/`, and ends with status
1 if a promise was broken.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.bench import Bench
from tests.chaos.history import History
from tests.chaos.report import Report
from tests.chaos.site import start_site
from tests.support.servers.postgres import PostgresServer, find_binaries

_ROUND_SECONDS = 20.0


def main() -> int:
    asked = _arguments()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(2**32)
    folder = Path(asked.out) / f"chaos-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    print(
        f"CHAOS_SEED={seed}, {asked.seconds:.0f} s on {asked.ledger}, history in {folder}",
        flush=True,
    )
    report = asyncio.run(_run(asked, seed, folder))
    print(*report.lines(), sep="\n")
    return 1 if report.violations else 0


async def _run(asked: argparse.Namespace, seed: int, folder: Path) -> Report:
    work = Path(tempfile.mkdtemp(prefix="cdc-"))
    postgres = _postgres(asked.ledger)
    try:
        with (folder / "history.jsonl").open("w") as log:
            async with start_site(work, postgres, seed) as site:
                bench = Bench(site, History(log), seed, _say, asked.patience)
                report = await bench.run(asked.seconds, min(_ROUND_SECONDS, asked.seconds))
        if report.violations:
            shutil.copytree(work, folder / "site", dirs_exist_ok=True)
        return report
    except BaseException:
        shutil.copytree(work, folder / "site", dirs_exist_ok=True)
        raise
    finally:
        if postgres is not None:
            postgres.__exit__(None, None, None)
        shutil.rmtree(work, ignore_errors=True)


def _say(line: str) -> None:
    print(line, flush=True)


def _postgres(ledger: str) -> PostgresServer | None:
    if ledger == "sqlite":
        return None
    binaries = find_binaries()
    if binaries is None:
        sys.exit("no PostgreSQL on this machine: --ledger sqlite does without")
    return PostgresServer(binaries)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of rounds, at least")
    parser.add_argument("--seed", type=int, help="of an earlier run")
    parser.add_argument("--ledger", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds to settle, at most")
    parser.add_argument("--out", default="reports", help="where the history is kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
