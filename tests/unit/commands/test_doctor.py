"""The doctor's findings, as text for people and as JSON for machines."""

import json

from server.commands.doctor import format_json, format_text
from server.flows.consistency.doctor import DiagnosisSize
from server.flows.consistency.examine import Report
from server.flows.consistency.findings import Finding, FindingKind, Repair

SIZE = DiagnosisSize(drops=12, open_drops=3, batches=2)


def finding(student: int, drop: str = "drp_1") -> Finding:
    return Finding(
        FindingKind.FORGOTTEN_CLAIM,
        f"student s{student} …",
        "repair",
        drop=drop,
        student=f"s{student}",
    )


def test_all_well_is_two_lines() -> None:
    assert format_text(Report(SIZE, [], [])).splitlines() == [
        "looked at 12 drops (3 open) of 2 batches",
        "all is well: desk and ledger agree, and the books add up",
    ]


def test_each_finding_says_what_to_do_and_each_repair_whether_it_was_done() -> None:
    letter = Finding(FindingKind.DEAD_LETTER, "student s9 …", "top it up", at=1_772_355_600_000)
    repairs = [Repair("built anew"), Repair("nothing is left", False)]

    assert format_text(Report(SIZE, [letter], repairs)).splitlines()[1:] == [
        "done: built anew",
        "NOT done: nothing is left",
        "1 things are wrong:",
        "- student s9 … (2026-03-01T09:00:00.000Z)",
        "  what to do: top it up",
    ]


def test_many_of_a_kind_are_counted_and_all_of_them_are_in_the_json() -> None:
    report = Report(SIZE, [*(finding(n) for n in range(50)), finding(1, "drp_2")], [])
    lines = format_text(report).splitlines()

    assert lines[-1] == "- and 30 more of drop drp_1 (forgotten_claim); --json has all"
    assert len([line for line in lines if line.startswith("- student")]) == 21
    assert len(json.loads(format_json(report))["findings"]) == 51


def test_machines_read_only_what_applies() -> None:
    answer = json.loads(format_json(Report(SIZE, [finding(1)], [Repair("x", False)])))

    assert answer == {
        "ok": False,
        "looked_at": {"drops": 12, "open_drops": 3, "batches": 2},
        "findings": [
            {
                "kind": "forgotten_claim",
                "what": "student s1 …",
                "todo": "repair",
                "drop": "drp_1",
                "student": "s1",
            }
        ],
        "repairs": [{"what": "x", "done": False}],
    }
