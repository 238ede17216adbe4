"""Scripts and styles are served without comments and behave as their sources do."""

import shutil
import subprocess
from pathlib import Path

from server.pages.routes import page_assets

ROOT = Path(__file__).parents[3]


# Parses each file as a browser does, without running it. `node --check` takes one file for each process.
PARSE = """
import { readFileSync } from "node:fs";
import { SourceTextModule } from "node:vm";
for (const name of process.argv.slice(1))
  new SourceTextModule(readFileSync(name, "utf8"), { identifier: name });
"""


def test_what_is_served_has_no_comments_and_says_the_same(tmp_path: Path) -> None:
    """The served scripts are parsed by node as modules, as browsers do."""
    served = [(path, asset) for path, asset in page_assets().files.items() if path.endswith(".js")]
    assert len(served) > 30
    for number, (path, asset) in enumerate(served):
        text = asset.body.decode()
        assert "@ts-check" not in text, path
        assert "@param" not in text, path
        (tmp_path / f"{number}.mjs").write_text(text)
    names = [str(tmp_path / f"{number}.mjs") for number in range(len(served))]
    done = subprocess.run(
        ["node", "--experimental-vm-modules", "--input-type=module", "--eval", PARSE, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_sdk_that_is_served_behaves_as_the_one_that_is_read(tmp_path: Path) -> None:
    """The served SDK passes the tests of its sources: whole sessions, and the texts of its cards."""
    for path, asset in page_assets().files.items():
        folder = "client_sdk/javascript" if path.startswith("/sdk/") else "server/pages/static"
        if path.endswith(".js"):
            place = tmp_path / folder / path.partition("/")[2].partition("/")[2]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(asset.body)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(ROOT / "client_sdk" / "vectors.json", tmp_path / "client_sdk")
    tests = ["unit/pages/coupon_card.test.js", "unit/pages/unit_counts_line.test.js"]
    tests += ["unit/pages/reach.test.js", "contract/session_vectors.test.js"]
    for test in tests:
        place = tmp_path / "tests" / test
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / test, place)
    done = subprocess.run(
        ["node", "--test", *(f"tests/{test}" for test in tests)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
