"""Forms of lotteries, and the batches of their prizes."""

from server.core.ids import BatchId
from server.core.lotteries.lotteries import Chances, LotteryForm, Prize
from server.core.promotions.batches import Batch


def a_form(batch_id: BatchId) -> LotteryForm:
    prizes = (Prize(batch_id, 250_000, quantity=5), Prize(None, 750_000))
    return LotteryForm(name="Spring wheel", prizes=prizes, chances=Chances(3))


def a_batch(batch_id: BatchId, quantity: int | None = 100, allotted: int = 0) -> Batch:
    return Batch(
        id=batch_id,
        template_id="tpl_1",
        template_version=1,
        name="Ten off",
        quantity=quantity,
        channel="lottery",
        per_student=1,
        code_prefix="",
        hold_seconds=None,
        campaign_id=None,
        rooms=None,
        claim_window=None,
        shard=0,
        metadata={},
        created_by="op",
        created_at=0,
        allotted=allotted,
    )
