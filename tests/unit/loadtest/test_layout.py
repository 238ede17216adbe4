"""No file in loadtest/ has the name of a standard module, because Locust puts that folder on sys.path."""

import sys
from pathlib import Path

import loadtest

FOLDER = Path(loadtest.__file__).parent


def test_no_file_has_the_name_of_a_library_module() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "__main__"}

    assert names
    assert not names & sys.stdlib_module_names
