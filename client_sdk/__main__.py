"""`python -m client_sdk verify-receipt|verify-draw FILE`, `verify-statement DAYS LINES`: verify what a school
has published, on one's own computer.
"""

import argparse
import json
import sys
from pathlib import Path

from client_sdk.python.draws import verify_draw
from client_sdk.python.receipts import verify_receipt
from client_sdk.python.shapes import StatementDay
from client_sdk.python.statements import verify_statement


def main() -> int:
    """Run the command line; 0 where the document is sound, 1 where it is not, 2 where it cannot be read."""
    asked = _arguments()
    try:
        text = sys.stdin.read() if asked.file == "-" else Path(asked.file).read_text("utf-8")
        document = json.loads(text)
        if asked.command == "verify-statement":
            return _statement(document["days"], Path(asked.lines).read_bytes().splitlines())
    except (OSError, ValueError, LookupError, TypeError) as error:
        sys.stderr.write(f"{asked.file}: {error!r}\n")
        return 2
    if asked.command == "verify-draw":
        return _draw(document)
    return _receipt(document, asked.seal)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m client_sdk", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    receipt = commands.add_parser("verify-receipt", help="verify the receipt of a drop")
    receipt.add_argument("--seal", help="the hash that the room or the event log was told")
    draw = commands.add_parser("verify-draw", help="verify the proof of a draw")
    for command, call in ((receipt, "receipt"), (draw, "draw")):
        command.add_argument(
            "file", help=f"the JSON of GET /v1/drops/{{id}}/{call}; - reads it from stdin"
        )
    statement = commands.add_parser(
        "verify-statement", help="verify the sealed days of a statement"
    )
    statement.add_argument(
        "file", help="the JSON of GET /v1/statements/days; - reads it from stdin"
    )
    statement.add_argument(
        "lines", help="the file of GET /v1/statements?format=ndjson for these days"
    )
    return parser.parse_args()


def _statement(days: list[StatementDay], lines: list[bytes]) -> int:
    wrong = verify_statement(days, lines)
    if wrong:
        sys.stdout.write("".join(f"not sound: {each}\n" for each in wrong))
        return 1
    sealed = sum(day["is_sealed"] for day in days)
    sys.stdout.write(f"sound: {sealed} sealed days\n")
    return 0


def _draw(document: object) -> int:
    wrong = verify_draw(document) if isinstance(document, dict) else ["malformed"]
    if wrong or not isinstance(document, dict):
        sys.stdout.write(f"not sound: {', '.join(wrong)}\n")
        return 1
    sys.stdout.write(f"sound: {len(document['winners'])} of {document['count']} entries win\n")
    return 0


def _receipt(document: object, seal: str | None) -> int:
    fault = verify_receipt(document, seal)
    if fault is not None or not isinstance(document, dict):
        sys.stdout.write(f"not sound: {fault}\n")
        return 1
    own = document.get("own")
    mine = f"; yours is unit {own['unit']}" if own else ""
    sys.stdout.write(f"sound: {document['count']} claims of {document['stock']} units{mine}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
