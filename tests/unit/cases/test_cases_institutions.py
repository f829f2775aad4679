"""What there is per institution and quarter of moment (SPEC 8.5, 9)."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.case_state import LATE_ANSWERS
from creditaudit.cases.institutions import count_institutions, late_answers
from creditaudit.tables import CASES, FINDINGS, INSTITUTIONS

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
NIGHT = date(2026, 11, 20)
MOMENT = datetime.fromisoformat("2024-03-31 23:59:59")
TEXT, INT, DAY = pa.string(), pa.int32(), pa.date32()
COUNTS = pa.schema([("provider_code", TEXT), ("quarter", TEXT), ("accounts", pa.int64())])
ROWS = pa.schema([*((f.name, f.type) for f in CASES), ("moment_from", pa.timestamp("us"))])


def case(case_id: str = "CA-1", episode: int = 1, **cells: Any) -> Row:
    base = {"case_id": case_id, "episode": episode, "provider_code": "B01", "state": "sent", "moment_from": MOMENT}
    return {**base, "fault": "needs_evidence", "duty": "in_force", "due_on": date(2026, 12, 1), **cells}


def finding(rule: str, provider: str = "B01", moment: datetime | None = MOMENT) -> Row:
    return {"rule_id": rule, "provider_code": provider, "moment_from": moment}


def counted(engine: Engine, **tables: list[Row]) -> dict[tuple[str, str | None, str], int]:
    """Count, and check what holds of every table: its columns, its order, nothing twice, nothing without a figure."""
    schemas = {
        "judged_counts": COUNTS,
        "findings": FINDINGS,
        "case_rows": ROWS,
        "earlier_episodes": CASES,
        "standing_late_answers": LATE_ANSWERS.schema,
    }
    for name, schema in schemas.items():
        engine.load(name, pa.Table.from_pylist(tables.get(name, []), schema=schema))
    table = count_institutions(engine, NIGHT)
    assert table.schema.equals(INSTITUTIONS)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert rows == sorted(rows, key=lambda r: (r[0], r[1], r[2] is not None, r[2] or "", r[3], r[4]))
    assert {row[0] for row in rows} <= {NIGHT}
    assert all(row[4] > 0 for row in rows)
    found = {(row[1], row[2], row[3]): row[4] for row in rows}
    assert len(found) == len(rows)
    return found


def test_findings_are_counted_by_rule_and_quarter_of_moment(engine: Engine) -> None:
    found = counted(
        engine,
        judged_counts=[{"provider_code": "B01", "quarter": "2024Q1", "accounts": 7}],
        findings=[
            finding("R101"),
            finding("R101"),
            finding("R102"),
            finding("R101", moment=datetime.fromisoformat("2024-04-01")),
            finding("R301", "B02", None),
        ],
    )
    assert found == {
        ("B01", "2024Q1", "accounts_judged"): 7,
        ("B01", "2024Q1", "findings:R101"): 2,
        ("B01", "2024Q1", "findings:R102"): 1,
        ("B01", "2024Q2", "findings:R101"): 1,
        ("B02", None, "findings:R301"): 1,
    }


def test_faults_and_undocumented_duties_are_those_of_cases_that_are_not_over(engine: Engine) -> None:
    over = [
        case(f"CA-{state}", state=state, fault="fault_indicated", duty="unknown")
        for state in ("holder_confirmed", "withdrawn", "reappeared")
    ]
    found = counted(
        engine,
        case_rows=[
            *over,
            case("CA-1", duty="unknown"),
            case("CA-2", state="correction_verified", fault="fault_indicated"),
            case("CA-3", episode=2, fault="no_fault_indicated"),
            case("CA-4", fault=None, duty=None, moment_from=None),
        ],
        earlier_episodes=[case("CA-3", fault="fault_indicated", duty="unknown", state="withdrawn")],
    )
    assert {key[2]: n for key, n in found.items() if key[2] not in ("corrections_verified", "reappeared")} == {
        "fault:needs_evidence": 1,
        "fault:fault_indicated": 1,
        "fault:no_fault_indicated": 1,
        "undocumented_cells": 1,
    }
    assert {key[:2] for key in found} == {("B01", "2024Q1")}


def test_corrections_and_returns_are_counted_over_all_episodes_and_the_institution_of_today(engine: Engine) -> None:
    found = counted(
        engine,
        case_rows=[
            case("CA-1", episode=2, state="correction_verified", fault=None, provider_code="B09"),
            case("CA-2", state="reappeared", fault=None),
            case("CA-3", state="lead", fault=None, moment_from=None),
        ],
        earlier_episodes=[case("CA-1", state="correction_verified", fault=None, provider_code="B01")],
    )
    assert found == {("B09", "2024Q1", "corrections_verified"): 2, ("B01", "2024Q1", "reappeared"): 1}


def test_an_answer_is_late_while_it_is_missing_and_for_good_once_it_came_late(engine: Engine) -> None:
    late = [{"night": date(2026, 11, 1), "case_id": "CA-4", "episode": 1}]
    late += [{"night": date(2026, 11, 1), "case_id": "CA-1", "episode": 1}]
    found = counted(
        engine,
        case_rows=[
            case("CA-1", episode=2, fault=None, due_on=date(2026, 11, 19)),
            case("CA-2", fault=None, due_on=NIGHT),
            case("CA-3", fault=None, state="correction_overdue", due_on=date(2026, 11, 19)),
            case("CA-4", fault=None, state="correction_due"),
            case("CA-5", fault=None, due_on=None),
        ],
        earlier_episodes=[case("CA-1", state="undetermined")],
        standing_late_answers=late,
    )
    assert found == {("B01", "2024Q1", "answers_late"): 3}


def test_a_first_answer_of_a_day_after_the_due_date_is_remembered(engine: Engine) -> None:
    known = pa.schema([("case_id", TEXT), ("episode", INT), ("due_on", DAY)])
    engine.load(
        "known_cases",
        pa.Table.from_pylist(
            [{"case_id": f"CA-{n}", "episode": 1, "due_on": date(2026, 11, 10)} for n in range(1, 5)]
            + [{"case_id": "CA-5", "episode": 1, "due_on": None}],
            schema=known,
        ),
    )
    answers = pa.schema(
        [("case_id", TEXT), ("episode", INT), ("place", INT), ("from_state", TEXT), ("answered_on", DAY)]
    )
    rows = [
        ("CA-1", 1, "sent", date(2026, 11, 11)),
        ("CA-2", 1, "sent", date(2026, 11, 10)),
        ("CA-2", 2, "undetermined", date(2026, 11, 15)),
        ("CA-3", 1, "correction_due", date(2026, 11, 15)),
        ("CA-5", 1, "sent", date(2026, 11, 15)),
    ]
    cells = [
        {"case_id": c, "episode": 1, "place": place, "from_state": state, "answered_on": on}
        for c, place, state, on in rows
    ]
    engine.load("answers_all", pa.Table.from_pylist(cells, schema=answers))
    found = late_answers(engine, NIGHT)
    assert found.cast(LATE_ANSWERS.schema).to_pylist() == [
        {
            "night": NIGHT,
            "case_id": "CA-1",
            "episode": 1,
            "due_on": date(2026, 11, 10),
            "answered_on": date(2026, 11, 11),
        }
    ]
