"""`python -m tests.benchmarks.pairs [sqlite] [postgresql]`: what a lock and a confirmation of a coupon take.

In one process, without HTTP, one order after the other: the share of the ledger and of the rules in what
`python -m loadtest bench --only checkout` measures from outside. The figure of decision 0026.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import uvloop

from server.core.checkout.redemptions import LockForm, Payment
from server.core.refusals import Refused
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import lock
from server.ledger.engine import Ledger
from server.ledger.migrate import upgrade
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.money import NOW, an_order
from tests.support.servers.postgres import PostgresServer, find_binaries

_PAIRS: Final = 300


async def _measure(kind: str, url: str) -> str:
    ledger = Ledger.connect(url)
    codes = [await give_coupon(ledger, number) for number in range(1, _PAIRS + 1)]
    took = []
    cpu = process_time()
    for number, code in enumerate(codes):
        begun = perf_counter()
        await _pair(ledger, f"order-{number}", code)
        took.append(perf_counter() - begun)
    cpu = process_time() - cpu
    await ledger.close()
    took.sort()
    said = ", ".join(f"p{at} {took[_PAIRS * at // 100] * 1e3:.1f}" for at in (10, 50, 90))
    return f"{kind}: {said} ms a pair, {cpu / _PAIRS * 1e3:.1f} ms of this process's CPU"


async def _pair(ledger: Ledger, order_id: str, code: str) -> None:
    locked = await lock(ledger, LockForm(order_id, "ada", an_order(5000), (code,)), NOW)
    if isinstance(locked, Refused):
        raise RuntimeError(locked.detail)  # noqa: TRY004 - an answer, not a type
    await confirm(ledger, locked.id, Payment(), NOW)


@contextmanager
def database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(
            dir="/var/tmp"
        ) as folder:  # on a disk, which /tmp may not be
            yield f"sqlite:///{Path(folder) / 'ledger.db'}"
        return
    binaries = find_binaries()
    if binaries is None:
        sys.exit("no PostgreSQL on this machine")
    with PostgresServer(binaries) as server:
        yield server.create()


def main() -> None:
    for kind in sys.argv[1:] or ("sqlite", "postgresql"):
        with database(kind) as url:
            upgrade(url)
            print(uvloop.run(_measure(kind, url)))


if __name__ == "__main__":
    main()
