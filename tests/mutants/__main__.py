"""`make mutants`: break the rules one by one, and see that a test notices each break.

Mutates the functions of the pure rules (`server/core`), of the session and wire modules, and the desk's Lua
scripts. A mutant that no test kills is a survivor: either a test is missing, or the change makes no
difference; the second kind is listed in `survivors.toml`, each with its reason. The exit status is 1 where
another one survives. Not part of `make test`: a whole run takes hours (a second for a
mutant of a small module, five and more where the tests are properties).
"""

import argparse
import random
import sys
import tomllib
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from tests.mutants.loop import survivors
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.placing import ROOT, is_swappable, put_module_in_place, put_script_in_place

MUTATED = (
    "server/core/**/*.py",
    "server/gateway/sockets/session.py",
    "server/gateway/sockets/frames.py",
    "server/gateway/sockets/handshake.py",
    "server/frames/wire.py",
    "server/frames/client_frames.py",
    "server/frames/wire_state.py",
    "client_sdk/python/session.py",
    "server/desk/scripts/*.lua",
)
# Of the desk's scripts: their own tests and the comparison with their models, then the tests of what uses
# them. Not the tests with mutants of their own: these fail because of the mutant, whatever it does.
_DESK = "tests/integration/desk"
_LUA_TESTS = (
    (
        f"{_DESK}/test_desk_clock.py",
        f"{_DESK}/test_claim_desk.py",
        f"{_DESK}/test_feed.py",
        f"{_DESK}/test_outbox.py",
        f"{_DESK}/test_desk_model.py::test_the_desk_does_what_its_model_says",
        f"{_DESK}/test_feed_model.py::test_a_feed_does_what_its_model_says",
    ),
    (
        f"{_DESK}/test_desk_audit.py",
        "tests/integration/promotions/test_stops.py",
        "tests/integration/promotions/test_caps_by_need.py",
        "tests/integration/promotions/test_campaign_limits.py",
        "tests/integration/coupons/test_bind_code.py",
        "tests/integration/coupons/test_campaign_codes.py",
        "tests/integration/consistency/test_rebuild_desk.py",
        "tests/integration/consistency/test_rebuild_fence.py",
        "tests/integration/gateway/test_win_recovery.py",
    ),
)


def main() -> int:
    wanted = _arguments()
    mutants = _chosen(wanted.files, wanted.sample, wanted.seed)
    allowed, found = _allowed(), 0
    for file, group in groupby(mutants, lambda mutant: mutant.file):
        survived = [mutant for mutant in _survivors(file, list(group)) if mutant.key not in allowed]
        found += len(survived)
        print(f"{file}: {len(survived)} survive", flush=True)
        for mutant in survived:
            print(f"line {mutant.line}\n  - {mutant.before}\n  + {mutant.after}", flush=True)
    print(f"{len(mutants)} mutants, {found} survive that are not listed")
    return int(found > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("files", nargs="*", help="only these files; all that are mutated otherwise")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _chosen(files: Sequence[str], sample: int | None, seed: int) -> list[Mutant]:
    paths = files or sorted(str(p.relative_to(ROOT)) for each in MUTATED for p in ROOT.glob(each))
    mutants = [mutant for path in paths for mutant in _mutants_in(path)]
    if sample is not None and sample < len(mutants):
        mutants = random.Random(seed).sample(mutants, sample)
    return sorted(mutants, key=lambda mutant: (mutant.file, mutant.line))


def _mutants_in(path: str) -> Iterable[Mutant]:
    made = mutants_of(path, (ROOT / path).read_text("utf-8"))
    return made if path.endswith(".lua") else filter(is_swappable, made)


def _allowed() -> set[str]:
    """Keys of the mutants that may survive; `survivors.toml` gives each a reason."""
    listed = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text("utf-8"))
    return {
        f"{each['file']}: {each['before']} -> {each['after']}"
        for each in listed.get("survivor", ())
    }


def _survivors(file: str, mutants: list[Mutant]) -> list[Mutant]:
    """Return those that live through the tests named after the module, and then through the others."""
    is_script = file.endswith(".lua")
    put_in_place = put_script_in_place if is_script else put_module_in_place
    left = mutants
    for tests in _script_tests(file) if is_script else _tests_of(file):
        if left and tests:
            left = survivors(left, tests, put_in_place)
    return left


def _script_tests(file: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the scripts' own tests, and those of their users; of these first what names this script."""
    own, others = _LUA_TESTS
    by_name = sorted(others, key=lambda test: not _names(test, Path(file).stem))
    return own, ("-k", "not postgresql", *by_name)  # each mutant would start a server of its own


def _names(test: str, script: str) -> bool:
    path = ROOT / test.partition("::")[0]
    return path.is_file() and _mentions(path, (script,))


def _tests_of(file: str) -> tuple[list[str], list[str]]:
    """The test files of a module: those that have its name, then those that import it or lie beside them.

    The SDK's session is tested through its clients and by the vectors of the contract.
    """
    name, dotted = Path(file).stem, file.removesuffix(".py").replace("/", ".")
    tests = [
        path
        for folder in ("unit", "contract")
        for path in (ROOT / "tests" / folder).rglob("test_*.py")
    ]
    if file.startswith("client_sdk/"):
        own = [path for path in tests if path.parent.name in ("client_sdk", "contract")]
        return [str(path) for path in own], []
    layer = file.split("/")[1]
    names = (f"test_{name}", f"test_{name.removesuffix('s')}")
    own = [path for path in tests if path.stem in names and layer in path.parts]
    package, _, module = dotted.rpartition(".")
    marks = (dotted, f"from {package} import {module}")
    beside = {path.parent for path in own}
    others = [
        path
        for path in tests
        if path not in own and (path.parent in beside or _mentions(path, marks))
    ]
    return [str(path) for path in own], [str(path) for path in others]


def _mentions(path: Path, marks: Iterable[str]) -> bool:
    text = path.read_text("utf-8")
    return any(mark in text for mark in marks)


if __name__ == "__main__":
    sys.exit(main())
