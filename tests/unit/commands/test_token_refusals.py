"""Why tokens are refused stands in the log, once a second for each reason."""

from structlog.testing import capture_logs

from server.commands.process.token_refusals import TokenRefusalLog
from server.tokens import Reason, TokenInvalidError


def test_a_flood_of_bad_tokens_is_a_line_a_second() -> None:
    now = 100.0
    refused = TokenRefusalLog(lambda: now)
    with capture_logs() as lines:
        for _ in range(1_000):
            refused.note(TokenInvalidError(Reason.SIGNATURE))
        refused.note(TokenInvalidError(Reason.CLAIM_TYPE, "rooms"))
        now += 1
        refused.note(TokenInvalidError(Reason.SIGNATURE))

    said = [(line["event"], line["log_level"], line["reason"], line["claim"]) for line in lines]
    assert said == [
        ("token_refused", "info", "signature", ""),
        ("token_refused", "info", "claim_type", "rooms"),
        ("token_refused", "info", "signature", ""),
    ]
    assert [line["count"] for line in lines] == [1, 1, 1_000]
