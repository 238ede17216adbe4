"""Templates as rows: one row for each template, and one for each version. A version is never changed.

Called by flows and, for reading, by the API. Does not check whether a template is valid.
"""

from collections.abc import Collection
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Pool, Select, and_, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract_json import template_form_from_json, template_form_to_json
from server.core.promotions.templates import Template
from server.ledger.tables import batches, template_versions, templates
from server.ledger.together import Fields, Reading, Rows


async def insert_first(conn: AsyncConnection, template: Template, actor: str) -> None:
    """Insert the first version of a template."""
    await conn.execute(insert(templates).values(id=template.id, version=template.version))
    await _insert_version(conn, template, actor)


async def insert_next(conn: AsyncConnection, template: Template, actor: str) -> bool:
    """Insert the next version and make it the current one. Batches keep the version they were made from.

    False: the version before it is not the current one, or there is no such template.
    """
    moved = await conn.execute(
        update(templates)
        .where(templates.c.id == template.id, templates.c.version == template.version - 1)
        .values(version=template.version)
    )
    if moved.rowcount == 0:
        return False
    await _insert_version(conn, template, actor)
    return True


async def find(
    conn: AsyncConnection, template_id: str, version: int | None = None
) -> Template | None:
    """Return this version of the template, or the current one."""
    query = select(template_versions).where(template_versions.c.version == version)
    if version is None:
        query = _current()
    found = await conn.execute(query.where(template_versions.c.template_id == template_id))
    row = found.mappings().first()
    return _template(row) if row else None


async def find_all(
    conn: AsyncConnection, versions: Collection[tuple[str, int]]
) -> dict[tuple[str, int], Template]:
    """Return those of these (template id, version) that exist."""
    cached = _CACHED.setdefault(conn.engine.pool, {})
    if len(cached) > _CACHED_AT_MOST:
        cached.clear()
    each = [
        and_(template_versions.c.template_id == of, template_versions.c.version == version)
        for of, version in versions
        if (of, version) not in cached
    ]
    if each:
        found = await conn.execute(select(template_versions).where(or_(*each)))
        read = [_template(row) for row in found.mappings()]
        cached |= {(template.id, template.version): template for template in read}
    return {version: cached[version] for version in versions if version in cached}


# A cache for each database: a version is never changed, and every order needs some.
_CACHED_AT_MOST: Final = 1_000
_CACHED: WeakKeyDictionary[Pool, dict[tuple[str, int], Template]] = WeakKeyDictionary()


class TemplateOfBatch(NamedTuple):
    """The template of a batch, and the version that the batch had when both were read."""

    template: Template
    batch_version: int


def _first_of_batch(rows: Rows) -> TemplateOfBatch | None:
    return TemplateOfBatch(_template(rows[0]), rows[0]["batch_version"]) if rows else None


# For opening_facts.py, with the parameter `batch`.
OF_BATCH: Final = Reading(
    select(template_versions, batches.c.version.label("batch_version"))
    .join(
        batches,
        and_(
            batches.c.template_id == template_versions.c.template_id,
            batches.c.template_version == template_versions.c.version,
        ),
    )
    .where(batches.c.id == bindparam("batch")),
    _first_of_batch,
)


async def page(conn: AsyncConnection, limit: int, after: str | None = None) -> list[Template]:
    """Return a page of current versions, newest template first, that begins after the template `after`."""
    query = _current().order_by(templates.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(templates.c.id < after)
    return [_template(row) for row in (await conn.execute(query)).mappings()]


def _current() -> Select[*tuple[object, ...]]:
    is_current = and_(
        template_versions.c.template_id == templates.c.id,
        template_versions.c.version == templates.c.version,
    )
    return select(template_versions).join(templates, is_current)


async def _insert_version(conn: AsyncConnection, template: Template, actor: str) -> None:
    await conn.execute(
        insert(template_versions).values(
            template_id=template.id,
            version=template.version,
            created_by=actor,
            created_at=template.created_at,
            **template_form_to_json(template.form),
        )
    )


def _template(row: Fields) -> Template:
    form = template_form_from_json({**row})
    return Template(form, row["template_id"], row["version"], row["created_at"])
