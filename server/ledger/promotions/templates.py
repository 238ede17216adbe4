"""Templates as rows: one per template, and one per version that is never changed.

Called by flows and, for reading, by the API. Whether a template makes sense is not asked here.
"""

from collections.abc import Collection
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Pool, Select, and_, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract_json import template_form_from_json, template_form_to_json
from server.core.promotions.templates import Template
from server.ledger.tables import template_versions, templates


async def insert_first(conn: AsyncConnection, template: Template, actor: str) -> None:
    await conn.execute(insert(templates).values(id=template.id, version=template.version))
    await _insert_version(conn, template, actor)


async def insert_next(conn: AsyncConnection, template: Template, actor: str) -> bool:
    """`template.version` becomes the current one if the one before it is. Batches stay with the
    version they were made of. False: it is not, or there is no such template.
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
    """`version` None: the current one."""
    query = select(template_versions).where(template_versions.c.version == version)
    if version is None:
        query = _current()
    found = await conn.execute(query.where(template_versions.c.template_id == template_id))
    row = found.mappings().first()
    return _template(row) if row else None


async def find_all(
    conn: AsyncConnection, versions: Collection[tuple[str, int]]
) -> dict[tuple[str, int], Template]:
    """By (template id, version); those that exist."""
    kept = _KEPT.setdefault(conn.engine.pool, {})
    if len(kept) > _KEPT_AT_MOST:
        kept.clear()
    each = [
        and_(template_versions.c.template_id == of, template_versions.c.version == version)
        for of, version in versions
        if (of, version) not in kept
    ]
    if each:
        found = await conn.execute(select(template_versions).where(or_(*each)))
        read = [_template(row) for row in found.mappings()]
        kept |= {(template.id, template.version): template for template in read}
    return {version: kept[version] for version in versions if version in kept}


# A version is never changed, so what was read once is not read again: every order asks for it.
_KEPT_AT_MOST: Final = 1_000
_KEPT: WeakKeyDictionary[Pool, dict[tuple[str, int], Template]] = WeakKeyDictionary()


async def page(conn: AsyncConnection, limit: int, after: str | None = None) -> list[Template]:
    """Current versions, newest template first, from behind the template `after`."""
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


def _template(row: RowMapping) -> Template:
    form = template_form_from_json({**row})
    return Template(form, row["template_id"], row["version"], row["created_at"])
