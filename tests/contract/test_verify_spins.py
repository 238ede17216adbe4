"""Both SDKs compute spins again as the server draws them, and notice each change of what was told."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client_sdk.python.lotteries import drawn_place, spin_number, verify_spins
from server.core.lotteries.draw import commitment_of, number_of, place_of

JAVASCRIPT = Path(__file__).parents[2] / "client_sdk" / "javascript"
SEED = bytes(range(32))
ODDS = [250_000, 250_000, 500_000]
Json = dict[str, Any]


def lottery(**change: Any) -> Json:
    prizes = [{"ppm": ppm, "batch_id": f"bat_{place}"} for place, ppm in enumerate(ODDS)]
    prizes[2]["batch_id"] = None
    day = {"day": "2026-03-01", "commitment": commitment_of(SEED)}
    return {"id": "lot_1", "prizes": prizes, "empty_policy": "nothing", "days": [day], **change}


def spin(n: int, **change: Any) -> Json:
    """Return the spin as the server draws it."""
    number = number_of(SEED, "lot_1", "ann", n)
    place = place_of(ODDS, number)
    won = {} if place == 2 else {"prize": place}
    told = {"day": "2026-03-01", "seed": SEED.hex(), "commitment": commitment_of(SEED)}
    return {"n": n, "student": "ann", "number": number, "drawn": place, **told, **won, **change}


def spin_of(place: int) -> Json:
    return next(one for one in map(spin, range(1, 100)) if one["drawn"] == place)


GOOD = [spin(n) for n in range(1, 9)]
FIRST = spin_of(0)
BEFORE = [spin(n) for n in range(1, FIRST["n"])]
WITHOUT_SEED = {name: value for name, value in FIRST.items() if name != "seed"}
NEXT = lottery(empty_policy="next")
CASES: dict[str, tuple[Json, list[Json], str]] = {
    "as drawn": (lottery(), list(reversed(GOOD)), "good"),
    "no seed yet": (lottery(), [*BEFORE, WITHOUT_SEED], "waiting"),
    "another seed": (lottery(), [*BEFORE, {**FIRST, "seed": "00" * 32}], "wrong_seed"),
    "another promise": (
        lottery(days=[{"day": "2026-03-01", "commitment": "00" * 32}]),
        [*BEFORE, FIRST],
        "wrong_seed",
    ),
    "another number": (lottery(), [*BEFORE, {**FIRST, "number": 1}], "wrong_number"),
    "another student": (lottery(), [*BEFORE, {**FIRST, "student": "bob"}], "wrong_number"),
    "another prize": (lottery(), [*BEFORE, {**FIRST, "drawn": 1}], "wrong_prize"),
    "a better coupon": (lottery(), [*BEFORE, {**FIRST, "prize": 1}], "wrong_prize"),
    "the next prize": (NEXT, [*BEFORE, {**FIRST, "prize": 1}], "good"),
    "a prize before it": (
        NEXT,
        [*map(spin, range(1, spin_of(1)["n"])), {**spin_of(1), "prize": 0}],
        "wrong_prize",
    ),
    "a coupon for nothing": (
        NEXT,
        [*map(spin, range(1, spin_of(2)["n"])), {**spin_of(2), "prize": 2}],
        "wrong_prize",
    ),
    "a prize that was gone": (
        lottery(),
        [*BEFORE, {name: value for name, value in FIRST.items() if name != "prize"}],
        "good",
    ),
    "a spin is missing": (lottery(), [spin(2)], "wrong_order"),
}


@pytest.mark.parametrize(("of", "spins", "last"), CASES.values(), ids=CASES)
def test_python_says_what_is_wrong(of: Any, spins: Any, last: str) -> None:
    checked = verify_spins(of, spins)
    assert [one.n for one in checked] == sorted(one["n"] for one in spins)
    assert checked[-1].verdict == last
    assert {one.verdict for one in checked[:-1]} <= {"good", last}


def test_javascript_says_the_same() -> None:
    script = (
        f'import {{ verifySpins }} from "{JAVASCRIPT.as_uri()}/lotteries.js";\n'
        'let text = ""; for await (const piece of process.stdin) text += piece;\n'
        "const cases = JSON.parse(text);\n"
        "const found = await Promise.all(cases.map(([of, spins]) => verifySpins(of, spins)));\n"
        "console.log(JSON.stringify(found.map((all) => all.map((one) => [one.n, one.verdict]))));\n"
    )
    given = json.dumps([[of, spins] for of, spins, _ in CASES.values()])
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    expected = [[list(one) for one in verify_spins(of, sp)] for of, sp, _ in CASES.values()]  # type: ignore[arg-type]
    assert json.loads(done.stdout) == expected


def test_the_command_checks_a_file(tmp_path: Path) -> None:
    file = tmp_path / "spins.json"
    command = [sys.executable, "-m", "client_sdk.python.lotteries", str(file)]
    results = []
    for name in ("as drawn", "another number"):
        of, spins, _ = CASES[name]
        file.write_text(json.dumps({"lottery": of, "spins": spins}))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        results.append((done.returncode, done.stdout.splitlines()[-1]))
    assert results == [(0, "spin 8: good"), (1, f"spin {FIRST['n']}: wrong_number")]


def test_the_sdk_draws_as_the_server() -> None:
    for n in range(1, 200):
        number = number_of(SEED, "lot_1", "s", n)
        assert spin_number(SEED, "lot_1", "s", n) == number
        assert drawn_place(ODDS, number) == place_of(ODDS, number)
    assert drawn_place([1], 5) == 1
