"""The kept result of a look for faults is bounded, and names a student in one field alone."""

import orjson
import pytest

from server.flows.consistency.doctor import DiagnosisSize
from server.flows.consistency.examine import KEPT_OF_A_KIND, Report, report_json
from server.flows.consistency.findings import RECORD, Finding, FindingKind, Repair

SIZE = DiagnosisSize(drops=12, open_drops=3, batches=2)
ANN = "ann:zhang.7"


def kept(*findings: Finding, repairs: tuple[Repair, ...] = ()) -> dict[str, object]:
    return report_json(Report(SIZE, findings, repairs))


def test_a_student_stands_in_one_field_and_in_no_text() -> None:
    letter = Finding(
        FindingKind.DEAD_LETTER,
        f"student {ANN} won unit 3 of drop drp_1, and {ANN}: duplicate key {ANN}",
        RECORD,
        drop="drp_1",
        student=ANN,
        at=1_772_355_600_000,
        error=f"duplicate key {ANN}",
    )

    assert kept(letter)["findings"] == [
        {
            "kind": "dead_letter",
            "what": "a student won unit 3 of drop drp_1, and a student",
            "todo": RECORD.replace("--repair", "a repair"),
            "can_repair": True,
            "drop": "drp_1",
            "student": ANN,
            "at": "2026-03-01T09:00:00.000Z",
        }
    ]


@pytest.mark.parametrize(
    "what",
    [
        f"drop drp_1: student {ANN} has unit 3 in the ledger now, and a coupon",
        f"drop drp_1: student {ANN}: the claim is revoked by now; nothing is left to do",
        f"drop drp_1: student {ANN} was told won, and no unit or slot is left",
        f"desk shard 1: building it anew would take from student {ANN} (drop drp_1), student {ANN} (drop 2)",
    ],
)
def test_no_repair_names_a_student(what: str) -> None:
    (repair,) = orjson.loads(orjson.dumps(kept(repairs=(Repair(what),))["repairs"]))

    assert ANN not in repair["what"]
    assert "a student" in repair["what"]


def test_of_many_findings_of_a_kind_the_first_are_kept_and_all_are_counted() -> None:
    many = [Finding(FindingKind.BATCH_COUNTER, "…", "--repair", batch=f"b{n}") for n in range(99)]

    report = kept(*many)

    assert len(orjson.loads(orjson.dumps(report["findings"]))) == KEPT_OF_A_KIND
    assert report["counts"] == {"batch_counter": 99}
    assert report["ok"] is False
