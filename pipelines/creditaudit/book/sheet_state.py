"""What a case sheet says of the judgment: kept when a subject is judged, so that no later night judges it for a sheet.

A night that judges few has the facts of the others as they stood (SPEC 2); a sheet, like ``creditaudit case``, reads
them here.
"""

from __future__ import annotations

import pyarrow as pa

from creditaudit.book.state_model import Overlay, StateTable
from creditaudit.book.state_model import text_fields as _text

_CHECKS = ("card_check", "network_check", "person_check")


def _seconds(*stems: str) -> list[pa.Field]:
    return [pa.field(f"{stem}_{end}", pa.int64()) for stem in stems for end in ("from", "to")]


# One row per subject with a finding, as of the last night that judged it: the finding that decided the fault with what
# its elements rest on (all NULL outside the lane), the moment, the card shown, and the last checks that count. Instants
# are seconds and dates days since 1970-01-01, as in the judgment; NULL: there is none.
SHEET_FACTS = StateTable(
    "sheet_facts",
    pa.schema(
        [
            pa.field("night", pa.date32()),
            *_text("provider_code", "subject"),
            *_text("rule_id", "verdict", "notice_source", "notice_id"),
            pa.field("covered", pa.bool_()),
            *_text("knowable", "duty", "duty_id", "duty_source", "performed", "fault", "grid_row", "visible_basis"),
            *_seconds("visible"),
            *_text("covered_by", "exception", "exception_code"),
            pa.field("exception_followed_up_on", pa.int64()),
            *_seconds("moment"),
            *_text("document_kind"),
            pa.field("shown_on", pa.int64()),
            pa.field("shown_to", pa.int64()),
            *_text(*(f"{check}_id" for check in _CHECKS), *(f"{check}_result" for check in _CHECKS)),
            *_text("person_check_kind"),
            *_seconds(*_CHECKS),
        ]
    ),
    ("provider_code", "subject"),
    Overlay.LATEST,
)
