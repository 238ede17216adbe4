"""/v1/imports: read a file of students, and show what was found in it. For operators; finance may read.

The file is the body: CSV or XLSX by its bytes, whatever its Content-Type says, because programs name either
kind by either name. What became of the rows is in api/coupons/import_results.py.
"""

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    UploadBody,
    respond,
)
from server.api.http.fields import Moment, ResponseModel, absent
from server.api.http.paging import PageQuery, first_page
from server.core import media_types
from server.core.audiences.csv_text import CHARSETS
from server.core.audiences.imports import (
    MAX_BYTES,
    Column,
    FileKind,
    Import,
    ImportRow,
    RowFault,
)
from server.core.refusals import Code, Refused
from server.flows.audiences import imports as flows

# An upload over a slow line, the reading program, and its rows piece by piece.
_DEADLINE_S = 60.0


class BadRowResponse(ResponseModel):
    """`row` counts as a spreadsheet does, from 1, the header included."""

    row: int
    column: Column
    code: RowFault


class DuplicateRowResponse(ResponseModel):
    """`first_row` has the same student, and counts."""

    row: int
    first_row: int
    student: str


class SampleRowResponse(ResponseModel):
    row: int
    student: str
    note: str | None = absent()


class ImportSummaryResponse(ResponseModel):
    """`rows` = `good` + `duplicates` + `bad_total`; blank rows are left out.

    `encoding` and `delimiter` are null for XLSX. `mended`: ids that were written in full-width characters, in
    quotes or between blanks. `expires_at`: the rows are deleted then.
    """

    id: str
    format: FileKind
    encoding: str | None
    delimiter: str | None
    rows: int
    good: int
    duplicates: int
    bad_total: int
    blank: int
    mended: int
    ignored_columns: list[str]
    created_by: str
    created_at: Moment
    expires_at: Moment


class ImportResponse(ImportSummaryResponse):
    """`bad` and `duplicate_rows` list the first 100 of each, `sample` the first 20 good rows."""

    bad: list[BadRowResponse]
    duplicate_rows: list[DuplicateRowResponse]
    sample: list[SampleRowResponse]


class ImportPageResponse(ResponseModel):
    imports: list[ImportSummaryResponse]
    next: str | None


async def create(
    deps: ApiDependencies, request: ApiRequest[UploadBody, NoQuery]
) -> ApiResponse | Refused:
    charset = request.body.charset
    if charset is not None and charset not in CHARSETS:
        return Refused(Code.UNSUPPORTED_MEDIA_TYPE, f"charset: one of {', '.join(CHARSETS)}")
    found = await flows.make_import(
        deps.ledger,
        deps.programs,
        actor=request.identity.subject,
        content=request.body.content,
        charset=charset,
        key=request.key,
        now=request.now,
    )
    return respond(found, _response)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return respond(await flows.preview(deps.ledger, request.path["id"]), _response)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    found = await flows.list_imports(deps.ledger, request.query.after, limit + 1)
    page, following = first_page(found, limit)
    return ApiResponse(
        ImportPageResponse(
            imports=[ImportSummaryResponse.model_validate(_summary(each)) for each in page],
            next=following,
        )
    )


def _summary(found: Import) -> dict[str, object]:
    return {
        "id": found.id,
        "format": found.kind,
        "encoding": found.encoding,
        "delimiter": found.delimiter,
        "rows": found.counts.rows,
        "good": found.counts.good,
        "duplicates": found.counts.duplicates,
        "bad_total": found.counts.bad,
        "blank": found.counts.blank,
        "mended": found.counts.mended,
        "ignored_columns": list(found.ignored_columns),
        "created_by": found.created_by,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
    }


def _response(shown: flows.Preview) -> ImportResponse:
    return ImportResponse.model_validate(
        {
            **_summary(shown.found),
            "bad": [_bad(row) for row in shown.bad],
            "duplicate_rows": [
                {"row": row.row, "first_row": row.first_row, "student": row.student}
                for row in shown.duplicates
            ],
            "sample": [
                {"row": row.row, "student": row.student, "note": row.note} for row in shown.sample
            ],
        }
    )


def _bad(row: ImportRow) -> dict[str, object]:
    return {"row": row.row, "column": row.column, "code": row.fault}


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/imports",
        rule=auth.OPERATOR,
        handler=create,
        body=UploadBody,
        uploads=(media_types.CSV, media_types.XLSX),
        max_body=MAX_BYTES,
        deadline_s=_DEADLINE_S,
        response=ImportResponse,
        status=201,
        summary="Read a file of students; nothing is issued by that",
        refuses=(Code.RATE_LIMITED,),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/imports",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=ImportPageResponse,
        summary="List imports, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/imports/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=ImportResponse,
        summary="Return what was found in a file",
    ),
)
