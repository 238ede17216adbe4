"""Students, their events and what these add up to; audiences.

A server of the version before knows neither. Students whom it hears of are not in the list until they do
something again, or the school names them.
"""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    text,
)

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)
_PREFIX = "text_pattern_ops"
_BOUND = text("bound_at IS NOT NULL")
_PAID = text("state = 'redeemed'")


def upgrade() -> None:
    _students()
    _facts()
    _student_events()
    _counts()
    _audiences()
    # What the facts of the last 30 days are read from.
    op.create_index(
        "ix_coupons_bound_at",
        "coupons",
        ["bound_at", "student"],
        sqlite_where=_BOUND,
        postgresql_where=_BOUND,
    )
    op.create_index(
        "ix_redemptions_paid_at",
        "redemptions",
        ["paid_at", "student"],
        sqlite_where=_PAID,
        postgresql_where=_PAID,
    )


def _students() -> None:
    op.create_table(
        "students",
        Column("id", NAME, primary_key=True),
        Column("name", String(60)),
        Column("name_key", String(180)),
        Column("registered_at", BigInteger),
        Column("first_seen", BigInteger, nullable=False),
        Column("last_seen", BigInteger),
        Column("lessons_done", Integer, nullable=False, server_default="0"),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("lessons_done >= 0", name="lessons_not_negative"),
    )
    op.create_index("ix_students_created_at", "students", ["created_at", "id"])
    op.create_index("ix_students_id_prefix", "students", ["id"], postgresql_ops={"id": _PREFIX})
    op.create_index(
        "ix_students_name_key", "students", ["name_key"], postgresql_ops={"name_key": _PREFIX}
    )
    for name in ("registered_at", "first_seen", "last_seen"):
        op.create_index(f"ix_students_{name}", "students", [name])


def _facts() -> None:
    op.create_table(
        "student_tags",
        Column("student", NAME, nullable=False),
        Column("tag", NAME, nullable=False),
        PrimaryKeyConstraint("student", "tag"),
    )
    op.create_index("ix_student_tags_tag", "student_tags", ["tag", "student"])
    op.create_table(
        "student_facts",
        Column("student", NAME, nullable=False),
        Column("name", NAME, nullable=False),
        Column("value", Text, nullable=False),
        Column("number", Float),
        Column("text", String(200)),
        Column("at", BigInteger),
        PrimaryKeyConstraint("student", "name"),
    )
    for name in ("number", "text", "at"):
        op.create_index(f"ix_student_facts_name_{name}", "student_facts", ["name", name, "student"])


def _student_events() -> None:
    op.create_table(
        "student_events",
        Column("id", NAME, primary_key=True),
        Column("type", NAME, nullable=False),
        Column("student", NAME, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("received_at", BigInteger, nullable=False),
        Column("data", Text, nullable=False),
    )
    op.create_index("ix_student_events_received_at", "student_events", ["received_at"])
    op.create_index("ix_student_events_student", "student_events", ["student", "at"])


def _counts() -> None:
    op.create_table(
        "student_days",
        Column("student", NAME, nullable=False),
        Column("kind", NAME, nullable=False),
        Column("day", Integer, nullable=False),
        Column("first_event", NAME, nullable=False),
        PrimaryKeyConstraint("student", "kind", "day"),
    )
    op.create_index("ix_student_days_kind_day", "student_days", ["kind", "day", "student"])
    op.create_index("ix_student_days_day", "student_days", ["day"])
    op.create_table(
        "student_interests",
        Column("student", NAME, nullable=False),
        Column("course", NAME, nullable=False),
        Column("last_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("student", "course"),
    )
    op.create_index(
        "ix_student_interests_course", "student_interests", ["course", "last_at", "student"]
    )
    op.create_index("ix_student_interests_last_at", "student_interests", ["last_at"])


def _audiences() -> None:
    op.create_table(
        "audiences", Column("id", ID, primary_key=True), Column("version", Integer, nullable=False)
    )
    op.create_table(
        "audience_lists",
        Column("id", ID, primary_key=True),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_index("ix_audience_lists_created_at", "audience_lists", ["created_at"])
    op.create_table(
        "audience_members",
        Column("list_id", ID, ForeignKey("audience_lists.id"), nullable=False),
        Column("position", Integer, nullable=False),
        Column("student", NAME, nullable=False),
        PrimaryKeyConstraint("list_id", "position"),
        UniqueConstraint("list_id", "student"),
    )
    op.create_index("ix_audience_members_student", "audience_members", ["student"])
    op.create_table(
        "audience_versions",
        Column("audience_id", ID, ForeignKey("audiences.id"), nullable=False),
        Column("version", Integer, nullable=False),
        Column("name", String(60), nullable=False),
        Column("kind", String(8), nullable=False),
        Column("tag", NAME),
        Column("rule", JSON(none_as_null=True)),
        Column("list_id", ID, ForeignKey("audience_lists.id")),
        Column("size", Integer),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("audience_id", "version"),
        CheckConstraint("kind IN ('list','tag','rule')", name="kind_known"),
        CheckConstraint("(kind = 'tag') = (tag IS NOT NULL)", name="tag_iff_tag"),
        CheckConstraint("(kind = 'rule') = (rule IS NOT NULL)", name="rule_iff_rule"),
        CheckConstraint("(kind = 'list') = (size IS NOT NULL)", name="size_iff_list"),
    )
    op.create_index("ix_audience_versions_list_id", "audience_versions", ["list_id"])
