"""Tables of limits beyond one account: slots of persons and devices, and which person a student is.

`person` and `device` are hashes that the school puts into tokens. They are personal data.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from server.ledger.tables.naming import HASH, ID, NAME, metadata


def _slots(holder: str) -> Table:
    """Return the table of the slots of persons, or of devices.

    Promise I2 over all accounts of one person: a slot of a batch is used once, and none is beyond the limit,
    whose copy cannot differ from the batch's. A revoked claim has no row; a released one keeps its row. A
    claim or coupon without a hash has none, so limits that nobody uses cost nothing.
    """
    most = f"per_{holder}"
    return Table(
        f"{holder}_slots",
        metadata,
        Column("batch_id", ID, nullable=False),
        Column(holder, HASH, nullable=False),
        Column("slot", Integer, nullable=False),
        Column(most, Integer, nullable=False),
        Column("claim_id", ID, ForeignKey("claims.id")),
        Column("coupon_id", ID, ForeignKey("coupons.id")),  # which no claim gave
        ForeignKeyConstraint(["batch_id", most], ["batches.id", f"batches.{most}"]),
        PrimaryKeyConstraint("batch_id", holder, "slot"),
        UniqueConstraint("claim_id"),
        UniqueConstraint("coupon_id"),
        CheckConstraint(f"slot BETWEEN 1 AND {most}", name="slot_within_limit"),
        CheckConstraint("(claim_id IS NULL) <> (coupon_id IS NULL)", name="claim_or_coupon"),
    )


person_slots = _slots("person")
device_slots = _slots("device")

# Whose account a student's is, as the last claim or code with a person said, or as the school did. Coupons
# that are issued without a tap have no token, and count for this person.
student_persons = Table(
    "student_persons",
    metadata,
    Column("student", NAME, primary_key=True),
    Column("person", HASH, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Index("ix_student_persons_person", "person"),
)
