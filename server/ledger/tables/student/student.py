"""Tables of students: what the school has said of them, and what their events add up to.

Each column `student` holds the id of a row of `students`, without a foreign key: events come before the
school's list does. Whoever renames a student (a merge, an erasure) changes `students.id` and every column
that is called `student`.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from server.ledger.tables.naming import NAME, metadata

_PREFIX = "text_pattern_ops"  # PostgreSQL finds prefixes by it, whatever the database's collation

students = Table(
    "students",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("name", String(60)),
    Column(
        "name_key", String(180)
    ),  # the name in lower case, for searching; goes where the name goes
    Column("registered_at", BigInteger),  # at the school
    Column("first_seen", BigInteger, nullable=False),  # when we first heard of this student
    Column("last_seen", BigInteger),  # their latest claim, payment or event; null = none yet
    Column("lessons_done", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),  # of the row; lists go by it
    CheckConstraint("lessons_done >= 0", name="lessons_not_negative"),
    Index("ix_students_created_at", "created_at", "id"),
    Index("ix_students_id_prefix", "id", postgresql_ops={"id": _PREFIX}),
    # Partial: of most students only an event is known. Each index costs 3 us when a student is seen again.
    Index(
        "ix_students_name_key",
        "name_key",
        postgresql_ops={"name_key": _PREFIX},
        sqlite_where=text("name_key IS NOT NULL"),
        postgresql_where=text("name_key IS NOT NULL"),
    ),
    Index(
        "ix_students_registered_at",
        "registered_at",
        sqlite_where=text("registered_at IS NOT NULL"),
        postgresql_where=text("registered_at IS NOT NULL"),
    ),
    Index("ix_students_first_seen", "first_seen"),
    Index("ix_students_last_seen", "last_seen"),
)

student_tags = Table(
    "student_tags",
    metadata,
    Column("student", NAME, nullable=False),
    Column("tag", NAME, nullable=False),
    PrimaryKeyConstraint("student", "tag"),
    Index("ix_student_tags_tag", "tag", "student"),
)

# The school's own facts. `value` is JSON as it was sent; one of the others is filled, for rules: `number`,
# `text` (also of true and false), and `at` besides where a text is a time.
student_facts = Table(
    "student_facts",
    metadata,
    Column("student", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("value", Text, nullable=False),
    Column("number", Float),
    Column("text", String(200)),
    Column("at", BigInteger),
    PrimaryKeyConstraint("student", "name"),
    Index("ix_student_facts_name_number", "name", "number", "student"),
    Index("ix_student_facts_name_text", "name", "text", "student"),
    Index("ix_student_facts_name_at", "name", "at", "student"),
)

# Events as the school sent them, for 30 days: so long a repeated id does nothing.
student_events = Table(
    "student_events",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("type", NAME, nullable=False),
    Column("student", NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Index("ix_student_events_received_at", "received_at"),
    Index("ix_student_events_student", "student", "at"),
)

# The local dates on which a student did something: what a streak is counted from. Kept for 400 days.
student_days = Table(
    "student_days",
    metadata,
    Column("student", NAME, nullable=False),
    Column("kind", NAME, nullable=False),  # the type of the events
    Column("day", Integer, nullable=False),  # the number of the date, 1 = 0001-01-01
    Column("first_event", NAME, nullable=False),  # the event that made the row
    PrimaryKeyConstraint("student", "kind", "day"),
    Index("ix_student_days_kind_day", "kind", "day", "student"),
    Index("ix_student_days_day", "day"),
)

# The courses that a student has looked at, and when last. Kept for 40 days.
student_interests = Table(
    "student_interests",
    metadata,
    Column("student", NAME, nullable=False),
    Column("course", NAME, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("student", "course"),
    Index("ix_student_interests_course", "course", "last_at", "student"),
    Index("ix_student_interests_last_at", "last_at"),
)
