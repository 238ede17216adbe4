"""The pseudonym that an erasure puts in a student's place."""

import pytest

from server.core.students.erasure import (
    hashes_of,
    is_pseudonym,
    key_name,
    key_of,
    keyed_hash,
    pseudonym,
    with_pseudonym,
    without_id,
)

INSTEAD = pseudonym("x7")


def test_a_pseudonym_says_what_it_is() -> None:
    assert is_pseudonym(INSTEAD)
    assert not is_pseudonym("ann")


def test_a_student_is_replaced_where_a_field_names_them() -> None:
    value = {
        "student": "ann",
        "detail": {"students": ["ann", "bob"], "value": "ann"},
        "lines": [{"id": "ann", "quantity": 1}],
    }

    assert with_pseudonym(value, "ann", INSTEAD) == {
        "student": INSTEAD,
        "detail": {"students": [INSTEAD, "bob"], "value": INSTEAD},
        "lines": [{"id": "ann", "quantity": 1}],
    }


def test_other_values_stay() -> None:
    value = {"student": 7, "subject": None, "title": "ann", "students": [["ann"]]}

    changed = with_pseudonym(value, "ann", INSTEAD)

    assert changed == {"student": 7, "subject": None, "title": "ann", "students": [[INSTEAD]]}
    assert with_pseudonym("ann", "ann", INSTEAD) == "ann"


def test_a_hash_tells_an_id_again_to_who_has_the_key() -> None:
    key, other = key_of("a secret"), key_of("another")

    assert keyed_hash(key, "ann") == keyed_hash(key, "ann")
    assert len({keyed_hash(key, "ann"), keyed_hash(key, "bob"), keyed_hash(other, "ann")}) == 3
    assert hashes_of([key], "ann") == {key_name(key): keyed_hash(key, "ann")}
    assert "ann" not in keyed_hash(key, "ann")


def test_words_about_the_student_go_and_others_stay() -> None:
    value = {"student": "ann", "text": "Dear ann", "data": {"text": "sum", "name": "50 off"}}

    assert with_pseudonym(value, "ann", INSTEAD) == {
        "student": INSTEAD,
        "text": "",
        "data": {"text": "sum", "name": "50 off"},
    }


def test_an_id_among_the_words_of_a_reason_goes() -> None:
    value = {"action": "made", "detail": {"reason": "sorry, ann!", "note": None, "name": "ann 50"}}

    assert with_pseudonym(value, "ann", INSTEAD) == {
        "action": "made",
        "detail": {"reason": "sorry, …!", "note": None, "name": "ann 50"},
    }


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ann", "…"),
        ("Asked by ann. Twice: ann, ann", "Asked by …. Twice: …, …"),
        ("给ann补一张", "给…补一张"),
        ("joanna, ann2, ann-2, ann.b, a:ann, x.ann", "joanna, ann2, ann-2, ann.b, a:ann, x.ann"),
    ],
)
def test_an_id_is_left_out_where_it_is_a_word_of_its_own(text: str, left: str) -> None:
    assert without_id(text, "ann") == left
