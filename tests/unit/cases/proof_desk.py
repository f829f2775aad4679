"""One night's proofs at the level of relations: deliveries, cases and what the state remembers, said by hand."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.book.layout import FORMAT, MANIFEST, Book
from creditaudit.book.proof_state import PROOF_TABLES
from creditaudit.book.scopes import scope_text
from creditaudit.book.state import FULL_DELIVERIES
from creditaudit.cases.prove import prove
from creditaudit.intake.account_files import ACCOUNT_FILES, QUARANTINED_ACCOUNTS, QUARANTINED_WORDS
from creditaudit.tables import FINDINGS
from unit.kit import PERSON, typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from creditaudit.book.inbox import Entry
    from creditaudit.engines import Engine

Row = dict[str, Any]
NIGHT = date(2026, 12, 1)
BEFORE = NIGHT - timedelta(days=10)
SCOPE = scope_text("B01", None, None)
_T, _D = pa.string(), pa.date32()
_CASE = pa.schema(
    [
        ("case_id", _T),
        ("episode", pa.int32()),
        *((n, _T) for n in ("provider_code", "account_code", "subject", "id_norm", "outcome")),
        ("taken_on", _D),
        ("opened_on", _D),
    ]
)
_ANSWERED = pa.schema([("case_id", _T), ("episode", pa.int32())])
_CODES = [("provider_code", _T), ("account_code", _T)]
_LINEAGE = pa.schema([*_CODES, ("head_provider", _T), ("head_code", _T), ("steps", pa.int32())])


def account(code: str = "A", **cells: Any) -> Row:
    """Return a row of accounts of the case's person."""
    base = {"provider_code": "B01", "account_code": code, "report_date": "2026-11-01", "id_type": "10"}
    rest = {"id_number": PERSON, "account_type": "D1", "opened_at": "2024-01-10", "amount": 500}
    return {**base, **rest, **cells}


def file(name: str = "f.csv", **cells: Any) -> Row:
    """Return a full file of everything that B01 has, whose control says all."""
    base = {"file": name, "sha256": f"{name}-sha", "provider_code": "B01", "scope": SCOPE}
    return {**base, "is_full": True, "is_stated": True, "is_refused": False, **cells}


def delivery(night: date, rows: int, *, name: str = "f.csv", scope: str | None = SCOPE) -> Row:
    """Return what the state keeps of a full file."""
    kept = {"night": night, "file": name, "sha256": "s", "scope": scope}
    return {**kept, "distinct_rows": rows, "is_stated": True}


def case(name: str = "CA-1", outcome: str = "4", code: str = "A", **cells: Any) -> Row:
    """Return a case whose answer was taken five nights ago."""
    base = {"case_id": name, "episode": 1, "provider_code": "B01", "account_code": code, "outcome": outcome}
    days = {"taken_on": NIGHT - timedelta(days=5), "opened_on": NIGHT - timedelta(days=8)}
    return {**base, "subject": f"account:{code}", "id_norm": PERSON, **days, **cells}


def first_proof(kind: str = "absence", days: int = 1, **cells: Any) -> Row:
    """Return a proof of an earlier night."""
    base = {"night": NIGHT - timedelta(days=days), "case_id": "CA-1", "episode": 1, "kind": kind}
    detail = SCOPE if kind == "absence" else None
    return {
        **base,
        "detail": detail,
        "sha256s": "first",
        "files": "e.csv",
        "is_void": False,
        "is_final": False,
        **cells,
    }


class ProofDesk:
    """Tonight's proofs over what is said; by default one case, whose account a sound delivery does not hold."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self.engine = engine
        self.root = root
        self.made: dict[str, pa.Table] = {}

    def prove(self, entries: Sequence[Entry] = (), /, **said: Any) -> Row:
        """Prove; returns what is said of the case (of the first one by case_id)."""
        held = said.get("held", [account()])
        opened = typed("openings", said.get("opened_then", []), night=BEFORE)
        self._seal(typed("accounts", held, night=BEFORE), said.get("then", []), opened)
        standing = typed("accounts", [account()], night=BEFORE)
        more = typed("accounts", said.get("standing", []), night=NIGHT)
        delivered = typed("accounts", said.get("delivered", []), night=NIGHT)
        known = [r for r in standing.to_pylist() if (r["provider_code"], r["account_code"]) not in _keys(delivered)]
        everything = pa.concat_tables([pa.Table.from_pylist(known, schema=standing.schema), more, delivered])
        self.engine.load("standing_accounts", everything)
        self.engine.load("delivered_accounts", delivered)
        files = said.get("files", [file()])
        self.engine.load("account_files", pa.Table.from_pylist(files, schema=ACCOUNT_FILES))
        self._load("awaiting", _CASE, said.get("awaiting", [] if "verified" in said else [case()]))
        self._load("verified_cases", _CASE, said.get("verified", []))
        self._load("answers_taken", _ANSWERED, said.get("answered", []))
        self._load("lineage", _LINEAGE, said.get("lineage", []))
        self._load("contradicted_renames", pa.schema([("provider_code", _T), ("old_account_code", _T)]), [])
        groups = pa.schema([("provider_code", _T), ("group_code", _T)])
        self._load("institution_groups", groups, said.get("groups", []))
        for name in ("inquiries", "account_renames"):
            self.engine.load(f"standing_{name}", typed(name, said.get(name, []), night=BEFORE))
        openings = [
            typed("openings", said.get(name, []), night=n) for name, n in (("opened", BEFORE), ("opens", NIGHT))
        ]
        self.engine.load("standing_openings", pa.concat_tables(openings))
        for name in ("findings", "previous_findings"):
            self._load(name, FINDINGS, said.get(name, []))
        self._load("standing_full_deliveries", FULL_DELIVERIES.schema, [])
        tonight = [
            delivery(NIGHT, said.get("rows", 100), name=f["file"], scope=f["scope"]) for f in files if f["scope"]
        ]
        given = {"account_deliveries": [*said.get("deliveries", [delivery(BEFORE, 100)]), *tonight]}
        given["case_proofs"] = said.get("proofs", [])
        for table in PROOF_TABLES:
            rows = given.get(table.name, said.get(table.name, []))
            self._load(f"standing_{table.name}", table.schema, rows)
        quarantined = {
            "quarantined_accounts": pa.Table.from_pylist(said.get("quarantined", []), schema=QUARANTINED_ACCOUNTS),
            "quarantined_words": pa.Table.from_pylist(said.get("words", []), schema=QUARANTINED_WORDS),
        }
        self.made = prove(self.engine, Book(self.root), NIGHT, entries=entries, quarantined=lambda: quarantined)
        found = self.engine.fetch("SELECT * FROM proofs_tonight ORDER BY case_id").to_pylist()
        return found[0] if found else {}

    def _seal(self, held: pa.Table, findings: list[Row], opened: pa.Table) -> None:
        """Write what a sealed night left of its accounts, openings and findings."""
        night = self.root / "nights" / BEFORE.isoformat()
        found = pa.Table.from_pylist(findings, schema=FINDINGS)
        tables = {"intake/accounts/part-00001": held, "state/accounts/complete": held, "published/findings": found}
        tables["state/openings/complete"] = opened
        for name, rows in tables.items():
            path = night / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(rows, path)
        manifest = {"format": FORMAT, "state": "complete", "removals": []}
        (night / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")

    def _load(self, name: str, schema: pa.Schema, rows: list[Row]) -> None:
        self.engine.load(name, pa.Table.from_pylist(rows, schema=schema))

    def rows(self, table: str) -> list[Row]:
        """Return what the state is to remember of a table."""
        rows: list[Row] = self.made[table].to_pylist() if table in self.made else []
        return rows

    def relation(self, name: str) -> list[Row]:
        """Return a relation of the night."""
        found: list[Row] = self.engine.fetch(f"SELECT * FROM {name} ORDER BY 1").to_pylist()
        return found


def _keys(rows: pa.Table) -> set[tuple[str, str]]:
    return {(r["provider_code"], r["account_code"]) for r in rows.select(["provider_code", "account_code"]).to_pylist()}


def quarantined(**cells: Any) -> Row:
    """Return a quarantined row of B01 in a file of B01."""
    base = {"file": "f.csv", "row": 9, "stated_provider": "B01", "provider_code": "B01", "account_code": "Q"}
    return {**base, "reasons": "bad_type:opened_at", "is_known_key": False, "is_anyones": False, **cells}
