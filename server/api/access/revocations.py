"""/v1/revocations: tokens that are refused before they expire. For operators.

What a revocation does and how soon it works is in flows/access/revocations.py.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    respond,
)
from server.api.http.fields import (
    Body,
    Instant,
    Metadata,
    Moment,
    Readable,
    ResponseModel,
    Student,
)
from server.api.http.paging import PageQuery, first_page
from server.core.access.revocations import RevocationForm
from server.core.access.rules import MAX_REASON, MAX_VALUE, REVOCATIONS, AccessRule
from server.core.refusals import Code, Refused
from server.flows.access.revocations import Revoker
from server.ledger.access import rules as ledger
from server.ledger.access.rules import RuleFilter


class RevocationBody(Body):
    """Exactly one of the three: the id of a token, the subject of tokens, or the time before which tokens
    were made (`iat`). A `made_before` revokes the tokens of everybody, the caller's among them."""

    jti: Annotated[str, Field(min_length=1, max_length=MAX_VALUE), Readable] | None = None
    sub: Student | None = None
    made_before: Instant | None = None
    reason: Annotated[str, Field(max_length=MAX_REASON), Readable] = ""
    metadata: Metadata | None = None


class RevocationResponse(ResponseModel):
    """`made_before`: tokens that say to be made from then on are good (null: only one token is revoked).
    `until`: when the last token that it names has expired by itself; then the revocation is deleted."""

    id: str
    kind: Literal["jti", "sub", "made_before"]
    jti: str | None
    sub: str | None
    made_before: Moment | None
    reason: str
    metadata: dict[str, str]
    created_by: str
    created_at: Moment
    until: Moment


class RevocationPageResponse(ResponseModel):
    revocations: list[RevocationResponse]
    next: str | None


def _to_response(rule: AccessRule) -> RevocationResponse:
    return RevocationResponse.model_validate(
        {
            "id": rule.id,
            "kind": rule.kind.value,
            "jti": rule.value if rule.kind.value == "jti" else None,
            "sub": rule.value if rule.kind.value == "sub" else None,
            "made_before": rule.made_before,
            "reason": rule.reason,
            "metadata": rule.metadata,
            "created_by": rule.created_by,
            "created_at": rule.created_at,
            "until": rule.until,
        }
    )


async def create(
    deps: ApiDependencies, request: ApiRequest[RevocationBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    form = RevocationForm(body.jti, body.sub, body.made_before, body.reason, body.metadata or {})
    life_ms = deps.token_keys.longest_life_ms
    revoker = Revoker(deps.ledger, deps.feed, request.identity.subject, life_ms)
    return respond(await revoker.revoke(form, request.now, request.key), _to_response)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    query, wanted = request.query, RuleFilter(REVOCATIONS)
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, wanted, request.now, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    listed = [_to_response(rule) for rule in page]
    return ApiResponse(RevocationPageResponse(revocations=listed, next=following))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/revocations",
        rule=auth.OPERATOR,
        handler=create,
        body=RevocationBody,
        response=RevocationResponse,
        status=201,
        summary="Revoke one token, those of a subject, or all made before a time",
        refuses=(Code.TOO_MANY,),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/revocations",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=RevocationPageResponse,
        summary="List the revocations in force, newest first",
    ),
)
