"""What the book remembers of cases beside their published rows (SPEC 8, 10): state tables, one row per key."""

from __future__ import annotations

import pyarrow as pa

from creditaudit.book.state_model import Overlay, StateTable
from creditaudit.book.state_model import text_fields as _text

# What a case remembers beside its published row: the fingerprint of its evidence.
CASE_MEMORY = StateTable(
    "case_memory",
    pa.schema(
        [pa.field("night", pa.date32()), *_text("case_id"), pa.field("episode", pa.int32()), *_text("fingerprint")]
    ),
    ("case_id", "episode"),
    Overlay.LATEST,
)

# Whose a case is: what reports say of its account, as of the last night that judged it. A night that judges few does
# not look the others up again.
CASE_SUBJECTS = StateTable(
    "case_subjects",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("provider_code", "subject", "id_norm", "account_type", "region_code"),
            pa.field("opened_from", pa.int64()),  # seconds, as in the judgment; NULL: the subject is no account
            pa.field("opened_to", pa.int64()),
        ]
    ),
    ("provider_code", "subject"),
    Overlay.LATEST,
)

# What a case goes by beside its evidence: the last answer, the clock that runs, and what a report says of it once its
# findings have fallen.
CASE_LIFE = StateTable(
    "case_life",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("case_id"),
            pa.field("episode", pa.int32()),
            *_text("outcome"),  # of the last answer (SPEC 8.2); NULL: none
            pa.field("answered_on", pa.date32()),
            pa.field("taken_on", pa.date32()),  # night that took the answer
            *_text("answered_by", "by_kind", "evidence_ref", "clock_id"),
            pa.field("clock_from", pa.date32()),  # day on which the clock that runs began; NULL: none runs
            pa.field("due_on", pa.date32()),
            pa.field("due_provisional", pa.bool_()),
            *_text("due_kind"),
            *_text(
                "id_norm"
            ),  # whose the account was when the episode began: a later number does not change the person
            *_text("notice_source"),
            pa.field("reported_from", pa.timestamp("us")),
            pa.field("reported_to", pa.timestamp("us")),
            pa.field("moment_from", pa.timestamp("us")),
            pa.field("is_quiet", pa.bool_()),  # all findings R103
            pa.field("is_data_quality", pa.bool_()),  # all findings R301 or R302
            *_text("held_by", "spots"),  # provider_changed:<column>; and what could not be seen of the evidence
        ]
    ),
    ("case_id", "episode"),
    Overlay.LATEST,
)

# What a score rests on. Whom nobody knows by name here stands as a keyed token.
_FACTS = (
    *_text("provider_code", "subject", "rule_id", "verdict"),  # of the strongest finding
    pa.field("place", pa.int32()),  # its place among the strengths of SPEC 6; 1 is the strongest
    *_text("product", "region"),  # account_type|business_code; region_code of the account, else institution
    *_text("operator_token", "phone_token", "handler_token"),  # NULL: not given
    pa.field("amount", pa.float64()),  # yuan; NULL: unknown, or another currency
    *(
        pa.field(name, pa.float64())  # each is said in scoring/features.py; NULL: unknown
        for name in (
            *("days_from_loss", "phase", "relation", "overdue", "institutions_30d", "burst_7d"),
            *("region_away", "channel", "out_of_hours", "name_conflict", "evidence", "checks"),
        )
    ),
)

# The facts of a case: its own and its person's rows alone, as of the last night that judged it.
CASE_FACTS = StateTable(
    "case_facts", pa.schema([pa.field("night", pa.date32()), *_FACTS]), ("provider_code", "subject"), Overlay.LATEST
)

# The facts and the priority of each episode on the night that first had both: before anybody could answer. What a model
# learns from outcomes is asked of these, and so is who was looked at for his priority.
CASE_QUEUE = StateTable(
    "case_queue",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("case_id"),
            pa.field("episode", pa.int32()),
            pa.field("priority", pa.float64()),
            *_FACTS,
        ]
    ),
    ("case_id", "episode"),
    Overlay.ALL,
)

# Which case an objection opened or joined; account_code is NULL as long as its account is not known.
CASE_OBJECTIONS = StateTable(
    "case_objections",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("objection_no", "case_id"),
            pa.field("episode", pa.int32()),
            *_text("provider_code", "account_code", "id_norm"),
            pa.field("received_on", pa.date32()),
        ]
    ),
    ("objection_no",),
    Overlay.LATEST,
)

# Episodes whose answer came after its due date: the due date itself is gone once a case is answered.
LATE_ANSWERS = StateTable(
    "late_answers",
    pa.schema(
        [
            pa.field("night", pa.date32()),  # the night that took the answer
            *_text("case_id"),
            pa.field("episode", pa.int32()),
            pa.field("due_on", pa.date32()),
            pa.field("answered_on", pa.date32()),
        ]
    ),
    ("case_id", "episode"),
    Overlay.ALL,
)

# Which cases each recipient has in its exceptions files, under which codes: what leaves them is taken back in words.
SENT_CASES = StateTable(
    "sent_cases",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("case_id", "recipient"),
            pa.field("episode", pa.int32()),
            *_text("provider_code", "account_code"),
            pa.field("is_standing", pa.bool_()),  # FALSE: taken back in retractions.csv
        ]
    ),
    ("case_id", "recipient"),
    Overlay.LATEST,
)

CASE_TABLES = (
    *(CASE_MEMORY, CASE_SUBJECTS, CASE_LIFE, CASE_FACTS, CASE_QUEUE),
    *(CASE_OBJECTIONS, LATE_ANSWERS, SENT_CASES),
)
