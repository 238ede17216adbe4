"""Every call of the API has an example, which the real application takes and answers as the example says.

After a change, write the examples anew:
`KEEP_EXAMPLES=1 python -m pytest tests/contract/test_examples.py`.
"""

import os
from pathlib import Path

import pytest

from server.api.app import ENDPOINTS
from server.api.http.document.examples import examples
from server.api.http.endpoints import AnyEndpoint
from tests.contract.examples.compare import differences
from tests.contract.examples.keep import write_examples
from tests.contract.examples.school import School
from tests.contract.examples.story import tell
from tests.support.builders.api import Api, with_parts
from tests.support.builders.desks import Desk
from tests.support.servers.webhook_receiver import running_receiver

API = Path(__file__).parents[2] / "server" / "api"


@pytest.mark.asyncio
async def test_the_application_takes_and_answers_every_example(api: Api, desk: Desk) -> None:
    """Requests are sent as documented, but for ids and times; a reply has every field of its example."""
    parts = with_parts(api, webhook_private=True, pages_url="https://drops.example")
    school = School(parts, desk)
    async with running_receiver() as receiver:
        await tell(school, receiver)
    if "KEEP_EXAMPLES" in os.environ:
        write_examples(API, ENDPOINTS, examples(), school.examples)
        examples.cache_clear()

    kept = examples()
    wrong = [
        f"{operation}: {difference}"
        for operation, sent in school.examples.items()
        for difference in differences(kept.get(operation, {}), sent)
    ]
    assert wrong == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_every_operation_has_an_example(endpoint: AnyEndpoint) -> None:
    assert f"{endpoint.method} {endpoint.path}" in examples()


def test_no_example_is_of_an_operation_that_is_gone() -> None:
    assert set(examples()) <= {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}
