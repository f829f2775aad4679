"""Findings made by hand, and nights that track them one after the other."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.book.addressed import name_regions
from creditaudit.book.case_state import CASE_LIFE, CASE_MEMORY, CASE_OBJECTIONS, CASE_SUBJECTS
from creditaudit.book.layout import Book
from creditaudit.book.reference import read, snapshot_of
from creditaudit.book.state import QUARANTINED_NUMBERS, TABLES
from creditaudit.cases.events import event_rows
from creditaudit.cases.joined import answer_joined
from creditaudit.cases.recalled import nothing_recalled
from creditaudit.cases.track import (
    case_memory,
    case_rows,
    lives_changed,
    objections_changed,
    recall_cases,
    subjects_changed,
    track,
)
from creditaudit.feeds import FEEDS
from creditaudit.tables import CASE_EVENTS, CASES, FINDINGS
from unit.kit import NIGHT, demo_keys, remembered, typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from creditaudit.engines import Engine

Row = dict[str, Any]


@dataclass(frozen=True)
class Tracked:
    """What a night publishes of cases and their moves, as tables."""

    cases: pa.Table
    events: pa.Table


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
    "judged_subjects": pa.schema([("provider_code", TEXT), ("subject", TEXT)]),
    "scores": pa.schema([("provider_code", TEXT), ("subject", TEXT), ("priority", pa.float64()), ("terms", TEXT)]),
    "lineage": pa.schema([*CODE, ("head_provider", TEXT), ("head_code", TEXT), ("steps", pa.int32())]),
    "contradicted_renames": pa.schema([("provider_code", TEXT), ("old_account_code", TEXT)]),
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
    "standing_accounts": FEEDS["accounts"].schema,
    "standing_absent_accounts": TABLES["absent_accounts"].schema,
    "standing_account_renames": FEEDS["account_renames"].schema,
    "standing_openings": FEEDS["openings"].schema,
    "standing_objections": FEEDS["objections"].schema,
    "answers_all": pa.schema(
        [
            ("case_id", TEXT),
            ("episode", pa.int32()),
            ("place", pa.int64()),
            *((n, TEXT) for n in ("outcome", "answered_by", "by_kind", "evidence_ref", "entry")),
            ("answered_on", pa.date32()),
            ("from_state", TEXT),
            ("to_state", TEXT),
        ]
    ),
    "answers_taken": pa.schema(
        [
            ("case_id", TEXT),
            ("episode", pa.int32()),
            *((n, TEXT) for n in ("outcome", "answered_by", "by_kind", "evidence_ref", "entry", "to_state")),
            ("answered_on", pa.date32()),
        ]
    ),
    "proofs_tonight": pa.schema(
        [
            ("case_id", TEXT),
            ("episode", pa.int32()),
            ("is_proven", pa.bool_()),
            *((n, TEXT) for n in ("proof", "missing", "kind")),
            ("has_other_evidence", pa.bool_()),
        ]
    ),
    "returns_tonight": pa.schema([("case_id", TEXT), ("episode", pa.int32()), *CODE, ("how", TEXT)]),
    "residual_tonight": pa.schema([("case_id", TEXT), ("residual", TEXT)]),
    "recipients": pa.schema([("recipient", TEXT), ("kind", TEXT), ("provider_code", TEXT), ("region_prefix", TEXT)]),
}

_STATE = (
    (CASE_MEMORY, case_memory),
    (CASE_SUBJECTS, subjects_changed),
    (CASE_LIFE, lives_changed),
    (CASE_OBJECTIONS, objections_changed),
)

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
    """Nights one after the other, each with what the one before left.

    Parameters
    ----------
    engine : Engine
    root : Path
        A folder for the book and for what comes in tonight.
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self.engine = engine
        self.root = root
        self.lets_rest = True  # cases of which nothing speaks; else every case is asked, every night
        self.cases = CASES.empty_table()
        self.events = CASE_EVENTS.empty_table()
        self.findings = FINDINGS.empty_table()
        self.state = {table.name: table.schema.empty_table() for table, _ in _STATE}
        self.tonight = NIGHT
        for table in ("clocks", "remedies"):
            snapshot_of(None, table, root / "reference")

    def night(
        self,
        findings: Iterable[Row],
        *,
        stale: tuple[str, ...] = (),
        came: Mapping[str, list[Row]] | None = None,
        before: Mapping[str, list[Row]] | None = None,
        judged: Iterable[str] | None = None,
        **tables: list[Row],
    ) -> Tracked:
        """Track one night; the next one is a day later. Faults that are not given: outside the lane.

        ``came`` are rows of feeds that come into force tonight, ``before`` those that they replace; a key without one
        is new to the book. ``judged`` are the accounts of B01 that are judged tonight, the others are carried; None:
        all are judged, and no case rests.
        """
        found = list(findings)
        standing = pa.Table.from_pylist(found, schema=FINDINGS)
        self.engine.load("findings", standing)
        outside = {(f["provider_code"], f["subject"]): fault(f["subject"], f["provider_code"]) for f in found}
        given = {"recipients": [LIAISON], "case_faults": list(outside.values()), **tables}
        if judged is not None:
            subjects = {("B01", f"account:{code}") for code in judged}
            given |= {
                "case_faults": [f for f in given["case_faults"] if (f["provider_code"], f["subject"]) in subjects],
                "carried_subjects": [_subject(*key) for key in sorted(outside.keys() - subjects)],
                "judged_subjects": [_subject(*key) for key in sorted(subjects)],
            }
        for name, schema in SCHEMAS.items():
            self.engine.load(name, pa.Table.from_pylist(given.get(name, []), schema=schema))
        for table in ("clocks", "remedies"):
            self.engine.load(table, read(self.root / "reference", table))
        self.engine.load("previous_cases", self.cases)
        self.engine.load("previous_events", self.events)
        self.engine.load("previous_findings", self.findings)
        for table, _ in _STATE:
            self.engine.load(f"standing_{table.name}", self.state[table.name])
        name_regions(self.engine, self.tonight)
        for feed in FEEDS:
            self.engine.load(f"rows_before_{feed}", typed(feed, (before or {}).get(feed, [])))
        nothing_recalled(self.engine)
        may_rest = self.lets_rest and judged is not None and not stale
        recall_cases(self.engine, Book(self.root / "book"), self.tonight, may_rest=may_rest)
        answer_joined(self.engine)
        files = {feed: [self._written(feed, rows)] for feed, rows in (came or {}).items()}
        track(self.engine, self.tonight, demo_keys(), stale_feeds=stale, tonight=files)
        tracked = Tracked(
            pa.Table.from_batches(case_rows(self.engine), CASES),
            pa.Table.from_batches(event_rows(self.engine, self.tonight), CASE_EVENTS),
        )
        for table, made in _STATE:
            fresh = remembered(table, made(self.engine, self.tonight))
            kept = {tuple(row[k] for k in table.key): row for row in self.state[table.name].to_pylist() + fresh}
            self.state[table.name] = pa.Table.from_pylist(list(kept.values()), schema=table.schema)
            if table is CASE_SUBJECTS:
                self.fresh_subjects = fresh
        self.cases, self.events, self.findings = tracked.cases, tracked.events, standing
        self.tonight += timedelta(days=1)
        return tracked

    def fork(self, *, lets_rest: bool) -> Desk:
        """Return a desk that goes on from here by itself."""
        other = copy(self)
        other.state, other.lets_rest = dict(self.state), lets_rest
        return other

    def _written(self, feed: str, rows: list[Row]) -> Path:
        path = self.root / f"{self.tonight}-{feed}.parquet"
        pq.write_table(typed(feed, rows, night=self.tonight), path)
        return path

    def changes(self) -> dict[str, str | None]:
        """What each case is in tonight's exceptions.csv: new, changed, or not there."""
        rows = self.engine.fetch(
            "SELECT c.account_code, c.change FROM case_rows AS c"
            " JOIN (SELECT DISTINCT case_id FROM case_recipients) AS t ON t.case_id = c.case_id"
        )
        return {row["account_code"]: row["change"] for row in rows.to_pylist()}


def _subject(provider: str, subject: str) -> Row:
    return {"provider_code": provider, "subject": subject}


def one(tracked: Tracked) -> Row:
    [row] = tracked.cases.to_pylist()
    return row


def events(tracked: Tracked, night: date) -> list[tuple[str, str | None, str]]:
    return [(e["event"], e["from_state"], e["to_state"]) for e in tracked.events.to_pylist() if e["night"] == night]
