from dataclasses import replace

import pytest

from server.core.coupons.code_runs import (
    MAX_CODES,
    CodeRun,
    Source,
    binding_refusal,
    run_violations,
)
from server.core.promotions.batches import ClaimWindow
from server.core.refusals import Code
from tests.unit.core.promotions.test_batch_edits import BATCH, NOW


@pytest.mark.parametrize(("quantity", "code"), [(0, "too_small"), (MAX_CODES + 1, "too_large")])
def test_a_run_has_bounds(quantity: int, code: str) -> None:
    (found,) = run_violations(quantity, {})
    assert (found.field, found.code) == ("quantity", code)


def test_as_many_as_allowed_is_allowed() -> None:
    assert [*run_violations(MAX_CODES, {}), *run_violations(1, {})] == []


def test_a_run_has_bounds_of_its_metadata() -> None:
    (found,) = run_violations(1, {str(number): "" for number in range(21)})
    assert (found.field, found.code) == ("metadata", "too_many")


def test_a_run_is_done_when_all_are_made() -> None:
    run = CodeRun("run_1", "bat_1", Source.LIST, 2, "op", NOW, made=1)
    assert not run.is_done
    assert replace(run, made=2).is_done


def test_a_code_is_bound_within_the_claim_window() -> None:
    batch = replace(BATCH, claim_window=ClaimWindow(NOW, NOW + 10))
    early, late = binding_refusal(batch, NOW - 1), binding_refusal(batch, NOW + 10)
    assert early is not None
    assert late is not None
    assert {early.code, late.code} == {Code.WRONG_STATE}
    assert "cannot yet" in early.detail
    assert "can no longer" in late.detail
    assert binding_refusal(batch, NOW) is None
    assert binding_refusal(batch, NOW + 9) is None


def test_without_a_claim_window_a_code_may_be_bound_at_any_time() -> None:
    assert binding_refusal(replace(BATCH, claim_window=None), NOW) is None
