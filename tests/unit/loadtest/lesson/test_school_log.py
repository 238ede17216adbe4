"""The verdict on the event log names what is missing, doubled, out of order, or about somebody else."""

from client_sdk.python.shapes import Event
from loadtest.lesson.school_log import SchoolLog, judge_deliveries, judge_events
from loadtest.verdict import Finding, Rule


def confirmed(seq: int, coupon_id: str, student: str = "ann") -> Event:
    return event(seq, "coupon.confirmed", coupon_id, student)


def event(seq: int, kind: str, subject: str, student: str = "ann") -> Event:
    at = "2026-12-02T00:00:00.000Z"
    data: dict[str, object] = {"student": student}
    return {
        "seq": seq,
        "id": f"evt_{seq}",
        "type": kind,
        "at": at,
        "subject": subject,
        "data": data,
    }


def test_nothing_is_found_where_each_coupon_has_one_event() -> None:
    events = [confirmed(8, "cpn_1"), event(9, "drop.closed", "drp_1"), confirmed(10, "cpn_2")]

    assert judge_events(events, 7, {"cpn_1"}, {"cpn_2": "ann"}) == []


def test_coupon_without_an_event_is_named() -> None:
    released = [event(8, "coupon.released", "cpn_1")]

    assert judge_events(released, 7, {"cpn_1"}, {}) == [
        Finding(
            Rule.EVENT_MISSING,
            "event log",
            "told to students as confirmed, without an event: 1",
            ("cpn_1",),
        )
    ]
    assert judge_events([], 7, (), {"cpn_2": "ann"}) == [
        Finding(Rule.EVENT_MISSING, "event log", "issued, without an event: 1", ("cpn_2",))
    ]


def test_coupon_with_two_events_is_named() -> None:
    twice = [confirmed(8, "cpn_1"), confirmed(9, "cpn_1")]

    assert [one.rule for one in judge_events(twice, 7, (), {})] == [Rule.EVENT_DOUBLED]


def test_gap_in_the_numbers_is_named() -> None:
    gap = [confirmed(8, "cpn_1"), confirmed(10, "cpn_2")]

    assert judge_events(gap, 7, (), {}) == [
        Finding(Rule.EVENT_ORDER, "event log", "numbers with a gap: 1", ("9",))
    ]


def test_event_about_another_student_is_named() -> None:
    strange = [confirmed(8, "cpn_1", "bob")]

    assert [one.rule for one in judge_events(strange, 7, (), {"cpn_1": "ann"})] == [Rule.STRANGERS]


def test_log_of_a_worker_process_is_merged() -> None:
    written = SchoolLog(7, {"cpn_1": "ann"})
    merged = SchoolLog()

    merged.merge(written.changes())
    merged.merge(SchoolLog().changes())  # a process without the back end

    assert merged == written


def test_event_that_the_webhook_did_not_bring_is_named() -> None:
    log = SchoolLog(7, has_receiver=True, delivered={"cpn_1"})
    events = [confirmed(8, "cpn_1"), confirmed(9, "cpn_2")]

    assert judge_deliveries(events, log) == [
        Finding(Rule.EVENT_UNDELIVERED, "event log", "not brought by the webhook: 1", ("cpn_2",))
    ]
    assert judge_deliveries(events, SchoolLog(7)) == []  # nobody listened
