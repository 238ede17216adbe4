"""Compute a student's spins again from the seeds that were published, and say which are as they were told.

Called by students, schools and the command line with what `GET /v1/lotteries/{id}` and `GET …/spins`
returned, and with nothing else: it asks no server. Needs nothing but the standard library. Twin of
`javascript/lotteries.js`.
"""

import hashlib
import hmac
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from client_sdk.python.shapes.lotteries import Lottery, SpinRecord

PPM: Final = 1_000_000
_LIMIT: Final = 2**64 // PPM * PPM  # numbers from here on would favour the first prizes

Verdict = Literal["good", "waiting", "wrong_seed", "wrong_number", "wrong_prize", "wrong_order"]


class CheckedSpin(NamedTuple):
    """The verdict on one spin.

    `good`: seed, number and prize are as they must be. `waiting`: the seed of its day is not out yet.
    `wrong_seed`: it is not the one that was promised before the day. `wrong_number`: another number follows
    from it. `wrong_prize`: the number belongs to another prize, or it won what its place in the list and the
    policy do not allow. `wrong_order`: a number of the student's count is missing or there twice.
    """

    n: int
    verdict: Verdict


def spin_number(seed: bytes, lottery_id: str, student: str, n: int) -> int:
    """Return the number, 0 to 999,999, of a student's spin `n`, from 1."""
    text, again = f"{lottery_id}|{student}|{n}", 0
    word = _word_of(seed, text)
    while word >= _LIMIT:
        again += 1
        word = _word_of(seed, f"{text}|{again}")
    return word % PPM


def _word_of(seed: bytes, text: str) -> int:
    return int.from_bytes(hmac.digest(seed, text.encode(), "sha256")[:8], "big")


def drawn_place(odds: Sequence[int], number: int) -> int:
    """Return the place of the prize to which the number belongs, by the ppm of each prize in their order."""
    end = 0
    for place, ppm in enumerate(odds):
        end += ppm
        if number < end:
            return place
    return len(odds)


def verify_spins(lottery: Lottery, spins: Iterable[SpinRecord]) -> list[CheckedSpin]:
    """Return the verdict on each spin of one student, first spin first.

    `spins` are all spins of the student in the lottery, of all pages.
    """
    given = sorted(spins, key=lambda spin: spin["n"])
    return [
        CheckedSpin(spin["n"], "wrong_order" if spin["n"] != place else _verdict(lottery, spin))
        for place, spin in enumerate(given, 1)
    ]


def _verdict(lottery: Lottery, spin: SpinRecord) -> Verdict:
    if "seed" not in spin:
        return "waiting"
    seed = bytes.fromhex(spin["seed"])
    promised = {day["day"]: day["commitment"] for day in lottery["days"]}
    commitment = hashlib.sha256(seed).hexdigest()
    if {commitment} != {spin["commitment"], promised.get(spin["day"], commitment)}:
        return "wrong_seed"
    if spin_number(seed, lottery["id"], spin["student"], spin["n"]) != spin["number"]:
        return "wrong_number"
    place = drawn_place([prize["ppm"] for prize in lottery["prizes"]], spin["number"])
    if place != spin["drawn"] or not _may_win(lottery, place, spin.get("prize")):
        return "wrong_prize"
    return "good"


def _may_win(lottery: Lottery, drawn: int, won: int | None) -> bool:
    """Return whether a spin that drew this prize may have won that one: a prize may be gone."""
    if won is None:
        return True
    if lottery["prizes"][drawn]["batch_id"] is None:
        return False
    return won == drawn or (lottery["empty_policy"] == "next" and won > drawn)


def main() -> int:
    """Check the spins of a file and print a verdict on each; 1 where one of them is wrong.

    The file is JSON: `{"lottery": …, "spins": […]}`, as the two calls returned them.
    """
    if len(sys.argv) != 2:
        sys.stdout.write("python -m client_sdk.python.lotteries FILE\n")
        return 2
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    checked = verify_spins(given["lottery"], given["spins"])
    for one in checked:
        sys.stdout.write(f"spin {one.n}: {one.verdict}\n")
    return int(any(one.verdict not in ("good", "waiting") for one in checked))


if __name__ == "__main__":
    sys.exit(main())
