import pytest

from server.commands import CommandError
from server.commands.desk_bench import desk_bench

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("asked", ["0", "501", "-1", "many"])
async def test_what_cannot_be_measured_is_refused_before_anything_starts(asked: str) -> None:
    with pytest.raises(CommandError, match=f"{asked}: neither 1 to 500 nor redis-benchmark"):
        await desk_bench([asked], 1.0)
