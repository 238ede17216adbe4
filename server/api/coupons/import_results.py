"""/v1/imports/{id}/result: the rows of a file with what became of each, as CSV or XLSX. For operators.

CSV begins with a byte order mark: without it Excel reads UTF-8 as something else.
"""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from typing import Literal

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, Endpoint, NoBody, StreamedResponse
from server.api.http.fields import Id, QueryFields, ResponseModel
from server.api.http.files import begun
from server.core import media_types
from server.core.audiences.guarded_cells import csv_cell
from server.core.refusals import Code, Refused
from server.flows.coupons.issuing import import_results as flows
from server.flows.coupons.issuing.import_results import Page
from server.sheets.programs import ProgramsBusyError

# The program that writes XLSX has 100,000 rows to read before its first byte.
_DEADLINE_S = 120.0
_BUSY_SECONDS = 5


class ResultQuery(QueryFields):
    """`issuance_id`: one of several issuances to this import; without it the newest."""

    format: Literal["csv", "xlsx"] = "csv"
    issuance_id: Id | None = None


class ResultResponse(ResponseModel):
    """A file with the columns row, student, note, outcome and detail."""


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, ResultQuery]
) -> StreamedResponse | Refused:
    import_id, query = request.path["id"], request.query
    issuance = await flows.find_issuance(deps.ledger, import_id, query.issuance_id)
    if isinstance(issuance, Refused):
        return issuance
    pages = flows.result_pages(deps.ledger, import_id, issuance)
    name = f'attachment; filename="result-{import_id}.{query.format}"'
    named = {"Content-Disposition": name}
    if query.format == "csv":
        return StreamedResponse(_csv(pages), f"{media_types.CSV}; charset=utf-8", named)
    file = begun(deps.programs.write_workbook(pages))
    try:
        await anext(file)
    except ProgramsBusyError:
        return Refused(
            Code.RATE_LIMITED, "other files are being written", {"retry_after_s": _BUSY_SECONDS}
        )
    return StreamedResponse(file, media_types.XLSX, named)


async def _csv(pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
    yield BOM_UTF8
    async for page in pages:
        yield "".join(",".join(map(csv_cell, row)) + "\r\n" for row in page).encode()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/imports/{id}/result",
        rule=auth.OPERATOR_READ,
        handler=show,
        query=ResultQuery,
        response=ResultResponse,
        summary="Return the rows of a file with what became of each",
        refuses=(Code.RATE_LIMITED,),
        streams=media_types.CSV,
        deadline_s=_DEADLINE_S,
    ),
)
