"""Tables of audiences: an audience with its versions, and the members of lists.

A version is never changed. Its members are a list of their own, written before the version that names it, in
pieces; a list that no version names is left over from a process that died, and is deleted.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from server.ledger.tables.naming import ID, NAME, metadata

audiences = Table(
    "audiences",
    metadata,
    Column("id", ID, primary_key=True),
    Column("version", Integer, nullable=False),  # the current one
    Column("metadata", JSON, nullable=False, server_default="{}"),
)

audience_lists = Table(
    "audience_lists",
    metadata,
    Column("id", ID, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_audience_lists_created_at", "created_at"),
)

audience_members = Table(
    "audience_members",
    metadata,
    Column("list_id", ID, ForeignKey("audience_lists.id"), nullable=False),
    Column("position", Integer, nullable=False),  # 0, 1, …: the order in which they were sent
    Column("student", NAME, nullable=False),
    PrimaryKeyConstraint("list_id", "position"),
    UniqueConstraint("list_id", "student"),
    Index("ix_audience_members_student", "student"),
)

audience_versions = Table(
    "audience_versions",
    metadata,
    Column("audience_id", ID, ForeignKey("audiences.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", String(60), nullable=False),
    Column("kind", String(8), nullable=False),  # list tag rule
    Column("tag", NAME),
    Column("rule", JSON(none_as_null=True)),
    # null = not a list, or the members of an older version are gone
    Column("list_id", ID, ForeignKey("audience_lists.id")),
    Column("size", Integer),  # of a list
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("audience_id", "version"),
    CheckConstraint("kind IN ('list','tag','rule')", name="kind_known"),
    CheckConstraint("(kind = 'tag') = (tag IS NOT NULL)", name="tag_iff_tag"),
    CheckConstraint("(kind = 'rule') = (rule IS NOT NULL)", name="rule_iff_rule"),
    CheckConstraint("(kind = 'list') = (size IS NOT NULL)", name="size_iff_list"),
    Index("ix_audience_versions_list_id", "list_id"),
)
