"""The fault lane over relations made by hand: one account of B01, one notice, one finding, unless said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.reference import DATE_COLUMNS, TABLES
from creditaudit.book.state import CHECK_GAPS, FULL_DELIVERIES
from creditaudit.cases.strength import strengths
from creditaudit.fault.decide import decide
from creditaudit.tables import JUDGED_ACCOUNTS, NOTICES
from unit.kit import NIGHT, day_number, interval, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.engines import Engine

Row = dict[str, Any]
TEXT, DAYS, SECONDS, FLAG = pa.string(), pa.int32(), pa.int64(), pa.bool_()
CODE = [("provider_code", TEXT), ("account_code", TEXT)]
HERE: Row = {"provider_code": "B01", "account_code": "A"}
MOMENT = "2024-03-15 10:00:00"


def _reference(table: str) -> pa.Schema:
    fields = [(name, pa.date32() if name in DATE_COLUMNS else TEXT) for name in TABLES[table]]
    return pa.schema([*fields, ("row", pa.int64())])


SCHEMAS = {
    "raw_findings": pa.schema(
        [("rule_id", TEXT), ("subject", TEXT), *CODE, *[(n, TEXT) for n in ("notice_source", "notice_id", "verdict")]]
    ),
    "judged_accounts": JUDGED_ACCOUNTS,
    "judged_rows": pa.schema([*CODE, ("closed_on", DAYS)]),
    "judged_openings": pa.schema(
        [
            *CODE,
            *[(name, TEXT) for name in ("channel", "session_id", "exception_code")],
            ("exception_followed_up_on", DAYS),
        ]
    ),
    "last_checks": pa.schema(
        [
            *CODE,
            *[(n, TEXT) for n in ("card_check_id", "card_check_result", "person_check_id", "person_check_kind")],
            ("card_checked_soon_after", FLAG),
            ("is_excepted", FLAG),
        ]
    ),
    "notices": NOTICES,
    "lineage": pa.schema([*CODE, ("head_provider", TEXT), ("head_code", TEXT)]),
    "standing_full_deliveries": FULL_DELIVERIES.schema,
    "standing_check_gaps": CHECK_GAPS.schema,
    "duties": _reference("duties"),
    "institutions": _reference("institutions"),
}


def finding(rule: str = "R101", verdict: str = "violation", **cells: Any) -> Row:
    """Return a row of ``raw_findings``; rules without a notice have none."""
    notice = {} if rule in {"R108", "R201", "R202"} else {"notice_source": "loss_reports", "notice_id": "L1"}
    whole = {**HERE, **notice, "rule_id": rule, "verdict": verdict, **cells}
    return {"subject": f"account:{whole['account_code']}", **whole}


def account(moment: str = MOMENT, **cells: Any) -> Row:
    """Return a row of ``judged_accounts``, a loan whose identity was checked at a moment."""
    start, end = interval(moment)
    base = seconds(moment)
    times = {"moment_from": base, "moment_to": base + int((end - start).total_seconds())}
    return {**HERE, "account_type": "D1", **times, "moment_day": day_number(moment[:10]), **cells}


def notice(visible: str | None = "2024-03-14", **cells: Any) -> Row:
    """Return a row of ``notices``; visible None: from the first second of reported on, without an end."""
    if visible is None:
        shown = {"visible_from": cells.get("reported_from", seconds("2024-03-01")), "visible_to": None}
    else:
        start, end = interval(visible)
        first = seconds(visible)
        shown = {"visible_from": first, "visible_to": first + int((end - start).total_seconds())}
    return {"notice_source": "loss_reports", "notice_id": "L1", "kind": "lost", **shown, **cells}


def duty(duty_id: str = "D1", status: str = "in_force", **cells: Any) -> Row:
    """Return a row of ``duties`` that matches everything, but for the cells given (dates as text)."""
    whole = {"check_kind": "invalid_card_check", "source": f"doc {duty_id}", **cells}
    return dated({"duty_id": duty_id, "status": status, **whole})


def dated(row: Row) -> Row:
    """Return a reference row with its dates read."""
    return {k: interval(v)[0].date() if k in DATE_COLUMNS and v is not None else v for k, v in row.items()}


def log(**cells: Any) -> Row:
    """Return a full verifications file of B01 for all regions, all business and all of 2024."""
    first, last = interval("2024-01-01")[0].date(), interval("2024-12-31")[0].date()
    scope = {"all_regions": True, "all_business": True, "covers_from": first, "covers_to": last}
    return {"night": NIGHT, "feed": "verifications", "file": "v.csv", "provider_code": "B01", **scope, **cells}


def gap(**cells: Any) -> Row:
    """Return a quarantined row of that file."""
    return {"night": NIGHT, "file": "v.csv", "row": 1, "is_unsplit": False, **cells}


class Lane:
    """Decides what is given; what is not is as the functions above say."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.loaded: dict[str, list[Row]] = {}

    def decide(self, *, night: date = NIGHT, **tables: Sequence[Row]) -> list[Row]:
        """Return ``finding_faults``, sorted by account, rule and notice."""
        given: dict[str, Sequence[Row]] = {
            "raw_findings": [finding()],
            "judged_accounts": [account()],
            "judged_rows": [HERE],
            "judged_openings": [HERE],
            "last_checks": [HERE],
            "notices": [notice()],
            "duties": [duty()],
            **tables,
        }
        for name, schema in SCHEMAS.items():
            rows = [{"row": n, **row} for n, row in enumerate(given.get(name, []), start=1)]
            if self.loaded.get(name) != rows:  # most tests change one relation: the others stay
                self.engine.load(name, pa.Table.from_pylist(rows, schema=schema))
                self.loaded[name] = rows
        decide(self.engine, night, strengths())
        return self.engine.fetch(
            "SELECT * FROM finding_faults ORDER BY provider_code, account_code, rule_id, notice_source, notice_id"
        ).to_pylist()

    def one(self, *, night: date = NIGHT, **tables: Sequence[Row]) -> Row:
        """Return the one finding decided."""
        [row] = self.decide(night=night, **tables)
        return row

    def cases(self, **tables: Sequence[Row]) -> dict[str, Row]:
        """Return ``case_faults`` by subject."""
        self.decide(**tables)
        return {row["subject"]: row for row in self.engine.fetch("SELECT * FROM case_faults").to_pylist()}
