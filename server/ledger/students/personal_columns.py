"""The columns that may name a student: what an export shows, and what an erasure replaces.

Used by export.py and erase.py of this package. Every column of text of every table stands in one of the lists
here or in impersonal_columns.py; a test fails for one that stands in none. So nobody adds a table with a
student that an erasure does not know.
"""

from collections.abc import Mapping
from typing import Final

# The value is a student's id. Replaced by the pseudonym, row by row.
STUDENT_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "access_rules": ("value", "created_by", "ended_by"),
    "acts": ("actor", "subject"),
    "audience_members": ("student",),
    "balance_entries": ("student",),
    "balances": ("student",),
    "campaign_claims": ("student",),
    "claims": ("student",),
    "coupons": ("student", "issued_to"),
    "draw_entries": ("student",),
    "events": ("student", "subject"),
    "exposures": ("student",),
    "import_rows": ("student",),
    "invitations": ("student", "inviter"),
    "inviters": ("student",),
    "issuance_items": ("student",),
    "jobs": ("subject",),
    "lottery_spins": ("student",),
    "messages": ("student",),
    "offers": ("student", "created_by"),
    "rebates": ("student",),
    "redemptions": ("student",),
    "student_days": ("student",),
    "student_events": ("student",),
    "student_facts": ("student",),
    "student_interests": ("student",),
    "student_persons": ("student",),
    "student_tags": ("student",),
    "students": ("id",),
    "task_passes": ("student",),
    "template_uses": ("student",),
    "trigger_firings": ("student",),
    "unnumbered_events": ("student", "subject"),
    "watched": ("value",),
    "wrong_codes": ("student",),
}

# JSON that may name a student under one of the keys of core/students/erasure.NAMING_KEYS.
JSON_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "acts": ("detail",),
    "audience_versions": ("rule",),
    "dead_letters": ("entry",),
    "drops": ("audience",),
    "events": ("data",),
    "intents": ("payload",),
    "jobs": ("detail", "report"),
    "trigger_versions": ("form",),
    "unnumbered_events": ("data",),
}

# Words of others that may repeat an id: errors, and what receivers answered. Where they do they are emptied.
REPEATING_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "dead_letters": ("error",),
    "import_rows": ("typed",),
    "intents": ("last_error",),
    "webhook_deliveries": ("answer", "error"),
}

# Why somebody did something, in free words that may have an id among them: it is left out, the rest stays.
REASON_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "batches": ("end_reason",),
    "access_rules": ("reason",),
    "approvals": ("note",),
    "draws": ("abort_reason",),
    "issuances": ("reason",),
    "links": ("note",),
    "price_overrides": ("reason",),
    "stops": ("reason",),
}

ID_OF_ROW: Final = "<id>"  # in place of a value: the id of the row itself

# What is told of a student in free words or by other names, in a row that has a student's id. An erasure
# empties it: the columns that may be null become null, the others the value here.
CLEARED_COLUMNS: Final[Mapping[str, Mapping[str, str | dict[str, str] | None]]] = {
    "access_rules": {"reason": "erased", "metadata": {}},
    "claims": {"request_id": "erased"},
    # The leaf stays, and with it the proof of the draw.
    "draw_entries": {"request_id": "erased", "person": "", "device": ""},
    "import_rows": {"note": None},
    "invitations": {"person": None, "device": None},
    "inviters": {"person": None, "device": None},
    "lottery_spins": {"request_id": ID_OF_ROW},
    "messages": {"text": None, "data": "{}", "url": None, "once": ID_OF_ROW},
    "offers": {"message": "", "course": None, "metadata": {}},
    "redemptions": {"metadata": {}},
    "students": {"name": None, "name_key": None},
    "student_events": {"data": "{}"},
}

# Rows that say nothing without the person: an erasure deletes them.
DELETED_ROWS: Final = (
    "student_facts",
    "student_tags",
    "student_interests",
    "student_persons",
    "student_days",
    "student_events",
    "audience_members",
)
