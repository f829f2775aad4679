"""Findings made by hand, and nights that track them one after the other."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.state import CASE_MEMORY, CASE_SUBJECTS, QUARANTINED_NUMBERS
from creditaudit.cases.track import Tracked, case_memory, subjects_changed, track
from creditaudit.tables import CASE_EVENTS, CASES, FINDINGS
from unit.kit import NIGHT, demo_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from creditaudit.engines import Engine

Row = dict[str, Any]
TEXT = pa.string()
CODE = [("provider_code", TEXT), ("account_code", TEXT)]
SCHEMAS = {
    "case_faults": pa.schema(
        [
            *[(n, TEXT) for n in ("provider_code", "subject", "knowable", "duty", "duty_source", "performed", "fault")],
            ("ask_for", TEXT),
        ]
    ),
    "judged_inquiries": pa.schema([("provider_code", TEXT), ("inquiry_id", TEXT), ("id_norm", TEXT)]),
    "judged_rows": pa.schema(
        [
            *CODE,
            *((name, TEXT) for name in ("id_norm", "account_type", "region_code")),
            *((name, pa.int64()) for name in ("opened_from", "opened_to")),
        ]
    ),
    "carried_subjects": pa.schema([("provider_code", TEXT), ("subject", TEXT)]),
    "lineage": pa.schema([*CODE, ("head_provider", TEXT), ("head_code", TEXT), ("steps", pa.int32())]),
    "opening_changed": pa.schema(CODE),
    "standing_quarantined_numbers": QUARANTINED_NUMBERS.schema,
    "institutions": pa.schema(
        [
            ("provider_code", TEXT),
            ("region_code", TEXT),
            ("valid_from", pa.date32()),
            ("valid_to", pa.date32()),
            ("row", pa.int64()),
        ]
    ),
    "recipients": pa.schema([("recipient", TEXT), ("kind", TEXT), ("provider_code", TEXT), ("region_prefix", TEXT)]),
}

LIAISON = {"recipient": "pboc", "kind": "pboc_liaison"}


def finding(rule: str = "R101", verdict: str = "violation", code: str = "A", **cells: Any) -> Row:
    notice = {"notice_source": "loss_reports", "notice_id": "L1"}
    base = {"provider_code": "B01", "account_code": code, "subject": f"account:{code}", "rule_id": rule}
    whole = {**base, **notice, "night": NIGHT, "person_token": "p", "verdict": verdict, "evidence": "{}", **cells}
    whole.setdefault(
        "fingerprint", "/".join(str(whole[n]) for n in ("rule_id", "verdict", "account_code", "notice_id"))
    )
    return whole


def fault(subject: str = "account:A", provider: str = "B01", **cells: Any) -> Row:
    """Return a row of ``case_faults``, outside the lane unless cells say otherwise."""
    words = dict.fromkeys(("knowable", "duty", "performed", "fault"), "not_applicable")
    return {"provider_code": provider, "subject": subject, **words, **cells}


class Desk:
    """Nights one after the other, each with what the one before left."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.cases = CASES.empty_table()
        self.events = CASE_EVENTS.empty_table()
        self.memory = CASE_MEMORY.schema.empty_table()
        self.subjects = CASE_SUBJECTS.schema.empty_table()
        self.tonight = NIGHT

    def night(self, findings: Iterable[Row], *, stale: tuple[str, ...] = (), **tables: list[Row]) -> Tracked:
        """Track one night; the next one is a day later. Faults that are not given: outside the lane."""
        found = list(findings)
        self.engine.load("findings", pa.Table.from_pylist(found, schema=FINDINGS))
        outside = {(f["provider_code"], f["subject"]): fault(f["subject"], f["provider_code"]) for f in found}
        given = {"recipients": [LIAISON], "case_faults": list(outside.values()), **tables}
        for name, schema in SCHEMAS.items():
            self.engine.load(name, pa.Table.from_pylist(given.get(name, []), schema=schema))
        self.engine.load("previous_cases", self.cases)
        self.engine.load("previous_events", self.events)
        self.engine.load("standing_case_memory", self.memory)
        self.engine.load("standing_case_subjects", self.subjects)
        found = track(self.engine, self.tonight, demo_keys(), stale)
        fresh = case_memory(self.engine, self.tonight).cast(CASE_MEMORY.schema)
        kept = {(r["case_id"], r["episode"]): r for r in [*self.memory.to_pylist(), *fresh.to_pylist()]}
        self.fresh_subjects = subjects_changed(self.engine, self.tonight).cast(CASE_SUBJECTS.schema).to_pylist()
        whose = {(r["provider_code"], r["subject"]): r for r in [*self.subjects.to_pylist(), *self.fresh_subjects]}
        self.subjects = pa.Table.from_pylist(list(whose.values()), schema=CASE_SUBJECTS.schema)
        self.cases, self.events = found.cases, found.events
        self.memory = pa.Table.from_pylist(list(kept.values()), schema=CASE_MEMORY.schema)
        self.tonight += timedelta(days=1)
        return found

    def changes(self) -> dict[str, str | None]:
        """What each case is in tonight's exceptions.csv: new, changed, or not there."""
        rows = self.engine.fetch(
            "SELECT c.account_code, c.change FROM case_rows AS c"
            " JOIN (SELECT DISTINCT case_id FROM case_recipients) AS t ON t.case_id = c.case_id"
        )
        return {row["account_code"]: row["change"] for row in rows.to_pylist()}


def one(tracked: Tracked) -> Row:
    [row] = tracked.cases.to_pylist()
    return row


def events(tracked: Tracked, night: date) -> list[tuple[str, str | None, str]]:
    return [(e["event"], e["from_state"], e["to_state"]) for e in tracked.events.to_pylist() if e["night"] == night]
