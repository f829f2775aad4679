"""Cases of a last night, and answers to them."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.case_state import CASE_SUBJECTS
from creditaudit.book.inbox import ANSWER, Entry
from creditaudit.cases.answers import take_answers
from creditaudit.tables import CASES
from unit.kit import NIGHT, demo_keys, institutions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

Row = dict[str, Any]
TONIGHT = date(2026, 12, 1)
TEXT = pa.string()
RECIPIENTS = pa.schema([(name, TEXT) for name in ("recipient", "kind", "provider_code", "region_prefix")])
HOUSES = [
    {"provider_code": "B01", "kind": "bank", "region_code": "110000", "valid_from": date(2000, 1, 1)},
    {"provider_code": "B02", "kind": "bank", "region_code": "310000", "valid_from": date(2000, 1, 1)},
]
WHO = [
    {"recipient": "beijing", "kind": "pboc_liaison", "region_prefix": "11"},
    {"recipient": "shanghai", "kind": "pboc_liaison", "region_prefix": "31"},
    {"recipient": "bank1", "kind": "institution", "provider_code": "B01"},
    {"recipient": "bank2", "kind": "institution", "provider_code": "B02"},
]


def case(name: str = "CA-1", state: str = "sent", **cells: Any) -> Row:
    """Return a published case of the last night; its account is named as the case is."""
    code = cells.pop("account_code", name)
    made = {"case_id": name, "state": state, "episode": 1, "provider_code": "B01", "account_code": code}
    return {"night": NIGHT, "first_seen": NIGHT, "subject": f"account:{code}", **made, **cells}


def answer(name: str = "CA-1", outcome: str = "1", **cells: Any) -> Row:
    """Return a row of an entry's body, with the token of the case's first episode unless cells say otherwise."""
    episode = cells.get("episode", 1)
    [token] = demo_keys().row_tokens([name], [episode])
    base = {"row": 1, "case_id": name, "episode": episode, "row_token": token, "outcome": outcome}
    who = {"answered_on": "2026-11-25", "answered_by": "beijing", "evidence_ref": None, "comment": None}
    return {**base, **who, **cells}


def entry(*rows: Row, on: date = date(2026, 11, 30), numbered: bool = True) -> Entry:
    """Return an inbox entry; its rows are numbered from 1."""
    given = [{**row, "row": number} for number, row in enumerate(rows, 1)] if numbered else list(rows)
    body = {"file_sha256": "0" * 64, "rows": given}
    digest = hashlib.sha256(json.dumps([on.isoformat(), body], sort_keys=True).encode()).hexdigest()
    return Entry(on, ANSWER, "beijing", "answers", body, digest)


def load_cases(
    engine: Engine, cases: Iterable[Row], *, regions: dict[str, str] | None = None, who: Sequence[Row] = tuple(WHO)
) -> None:
    """Name what the last night left, and who receives."""
    known = list(cases)
    engine.load("previous_cases", pa.Table.from_pylist(known, schema=CASES))
    subjects = [
        {"night": NIGHT, "provider_code": c["provider_code"], "subject": c["subject"], "region_code": region}
        for c in known
        for region in [(regions or {}).get(c["case_id"])]
    ]
    engine.load("standing_case_subjects", pa.Table.from_pylist(subjects, schema=CASE_SUBJECTS.schema))
    engine.load("recipients", pa.Table.from_pylist(list(who), schema=RECIPIENTS))
    engine.load("institutions", institutions(HOUSES))


def take(engine: Engine, *entries: Entry, keys: Keyring | None = None) -> tuple[str, ...]:
    """Take entries as a night does: in their order."""
    ordered = sorted(entries, key=lambda e: (e.decided_on, e.kind, e.sha256))
    return take_answers(engine, ordered, TONIGHT, keys or demo_keys())


def moves(engine: Engine) -> dict[str, list[tuple[str, str]]]:
    """Return the moves that were taken, by case, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in engine.fetch("SELECT * FROM answers_all ORDER BY case_id, place").to_pylist():
        found.setdefault(row["case_id"], []).append((row["from_state"], row["to_state"]))
    return found
