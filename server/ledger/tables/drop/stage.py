"""Tables of the stage: when prepared drops open by themselves, and how far a room's class is."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

cues = Table(
    "cues",
    metadata,
    Column("drop_id", ID, ForeignKey("drops.id"), primary_key=True),
    Column("room", NAME, nullable=False),
    Column("place", Integer, nullable=False),  # in the running order, from 1
    Column("kind", String(16), nullable=False),  # at minute video_seconds hand
    Column("value", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),  # waiting fired missed refused
    Column("reason", String(40)),  # of refused: the code
    Column("changed_at", BigInteger, nullable=False),
    CheckConstraint("kind IN ('at','minute','video_seconds','hand')", name="kind_known"),
    CheckConstraint("state IN ('waiting','fired','missed','refused')", name="state_known"),
    CheckConstraint("value >= 0", name="value_not_negative"),
    Index("ix_cues_room_place", "room", "place"),
    # What the worker looks for, twice a second.
    Index(
        "ix_cues_waiting",
        "kind",
        "value",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("ix_cues_changed_at", "changed_at"),
)

stages = Table(
    "stages",
    metadata,
    Column("room", NAME, primary_key=True),
    Column("started_at", BigInteger),
    Column("started_by", NAME),
    Column("held_at", BigInteger),
    Column("held_by", NAME),
    Column("video_seconds", BigInteger),
    Column("video_at", BigInteger),  # when the player said so
    Column("version", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("ix_stages_changed_at", "changed_at"),
)
