"""Rows that a full verifications file could not deliver, as the book keeps them (SPEC 7.3, covered)."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.layout import Book
from creditaudit.book.state import open_states
from place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from creditaudit.engines import Engine

FIRST, SECOND, THIRD = (date(2026, 11, 20) + timedelta(days=n) for n in range(3))
NUMBER = "11010519491231002X"
HEADER = "provider_code,check_id,session_id,account_code,checked_at,check_kind,result"
GOOD = "B01,C1,S1,A1,2024-03-01 09:00:00,network_check,match_photo"
FULL = {"kind": "full", "provider_code": "B01", "region_code": None, "business_codes": None}


def deliver(
    place: Place, night: date, *lines: str, control: Mapping[str, Any] | None = None, name: str = "v.csv"
) -> None:
    """Deliver a complete night with one verifications file of these lines."""
    account = {
        "provider_code": "B01",
        "account_code": "A1",
        "report_date": "2026-11-19",
        "id_type": "10",
        "id_number": NUMBER,
        "account_type": "D1",
        "opened_at": "2024-03-01",
    }
    place.deliver(night, "accounts", [account])
    place.deliver(night, "loss_reports", [{"report_no": "L1", "id_number": NUMBER, "reported_at": "2024-01-10"}])
    place.deliver(
        night,
        "invalid_cards",
        [{"event_id": "E1", "id_number": NUMBER, "event": "damaged", "effective_at": "2024-01-01"}],
    )
    path = place.drop(night, "verifications", "\n".join([HEADER, *lines, ""]).encode(), name=name)
    if control is not None:
        path.with_name(f"{name}.ctl").write_text(json.dumps(control))


def gaps(engine: Engine, book: Path) -> list[tuple[Any, ...]]:
    open_states(engine, Book(book))
    found = engine.fetch("SELECT * FROM standing_check_gaps ORDER BY night, file, row")
    return [tuple(row.values()) for row in found.to_pylist()]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One night with a file for each way in which rows are lost; their checks have nothing in common."""
    place = Place(tmp_path_factory.mktemp("gaps")).made()
    deliver(
        place,
        FIRST,
        GOOD,
        "B01,C2,,A2,2024-03-01,network_check,wrong code",
        "B01,C3,S3,,2024-03-01,network_check,pass",
        "B01,C4,\u3000S4 ,  A4,1900,network_check,match_photo",
        'B01,C5,S5,A5,2024-03-01,network_check,"match_photo',
        "B01,C6,S6,A6,2024-03-01,network_check",
        "B01,C7,,,2024-03-01,network_check,no_such_code",
        control=FULL,
    )
    good, conflict = GOOD.replace("C1", "D1"), "B01,D2,S2,A2,2024-03-01,network_check,"
    rows = (good, good, conflict + "match_photo", conflict + "name_mismatch")
    deliver(place, FIRST, *rows, control=FULL, name="keys.csv")
    for name, control in OTHERS.items():
        wrong = f"B01,{name}2,S2,A2,2024-03-01,network_check,wrong"
        deliver(place, FIRST, GOOD.replace("C1", f"{name}1"), wrong, control=control, name=f"{name}.csv")
    place.night(FIRST)
    return place


# Files whose quarantined rows are no gaps, each with its control.
OTHERS = {
    "no_control": None,
    "delta": {"kind": "delta", "provider_code": "B01"},
    "refused": {**FULL, "rows": 7},
}


def gaps_of(engine: Engine, place: Place, file: str) -> list[tuple[Any, ...]]:
    return [gap for gap in gaps(engine, place.book) if gap[1] == file]


def test_each_quarantined_row_of_a_full_file_is_a_gap(engine, sealed):
    """SPEC 7.3: covered unless a quarantined row has the account's code or its session_id, or could not be split."""
    assert gaps_of(engine, sealed, "v.csv") == [
        (FIRST, "v.csv", 2, "A2", None, False),
        (FIRST, "v.csv", 3, None, "S3", False),
        (FIRST, "v.csv", 4, "A4", "S4", False),
        (FIRST, "v.csv", 5, None, None, True),
        (FIRST, "v.csv", 6, None, None, True),
    ]


def test_a_duplicate_is_no_gap_and_a_conflict_is_two(engine, sealed):
    """SPEC 7.3: "other than `duplicate`"; of two different rows of one key neither stands (3.3)."""
    assert gaps_of(engine, sealed, "keys.csv") == [
        (FIRST, "keys.csv", 3, "A2", "S2", False),
        (FIRST, "keys.csv", 4, "A2", "S2", False),
    ]


@pytest.mark.parametrize("name", ["no_control", "delta"])
def test_only_full_files_have_gaps(engine, sealed, name):
    """SPEC 3.1: a file without kind is a delta, and only a full file proves anything by what it does not hold."""
    (read,) = [r for r in sealed.rows(FIRST, "coverage") if r["file"] == f"{name}.csv"]
    assert (read["delivered"], read["quarantined"]) == (2, 1)
    assert gaps_of(engine, sealed, f"{name}.csv") == []


def test_a_refused_full_file_is_no_delivery_and_has_no_gaps(engine, sealed):
    (refused,) = [r for r in sealed.rows(FIRST, "coverage") if r["file"] == "refused.csv"]
    assert refused["delivered"] is None
    assert gaps_of(engine, sealed, "refused.csv") == []
    assert {gap[1] for gap in gaps(engine, sealed.book)} == {"v.csv", "keys.csv"}


def test_a_corrected_row_closes_its_gap_and_gaps_outlive_complete_states(engine, place):
    """Readmitted rows replace the quarantined ones; every gap else stays, also where a new quarter writes all rows."""
    quarter = date(2027, 1, 1)
    wrong = "B01,C2,S2,A2,2024-03-01,network_check,wrong"
    deliver(place, FIRST, GOOD, wrong, "B01,C3,S3,A3,2024-03-01,network_check,wrong", control=FULL)
    place.night(FIRST)
    out = place.root / "out.csv"
    named = ("--book", str(place.book))
    exported = place.say(
        "quarantine", "export", *named, "--night", FIRST.isoformat(), "--feed", "verifications", "--out", str(out)
    )
    assert exported.code == 0, exported.err
    with out.open(encoding="utf-8-sig", newline="") as file:
        first = next(row for row in csv.DictReader(file) if row["account_code"] == "A2")
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(first))
        writer.writeheader()
        writer.writerow({**first, "result": "match_photo"})
    back = place.say("quarantine", "readmit", *named, str(out), "--by", "Li", "--reason", "asked the bank")
    assert back.code == 0, back.err
    deliver(place, SECOND, GOOD, control=FULL)
    place.night(SECOND)
    left = [(FIRST, "v.csv", 3, "A3", "S3", False)]
    assert gaps(engine, place.book) == left
    deliver(place, quarter, GOOD.replace("C1", "C9"), 'B01,"C8', control=FULL)
    place.night(quarter)
    assert json.loads((place.folder(quarter) / "manifest.json").read_text())["state"] == "complete"
    assert gaps(engine, place.book) == [*left, (quarter, "v.csv", 2, None, None, True)]
    deliver(place, quarter + timedelta(days=1), GOOD, control=FULL)
    place.night(quarter + timedelta(days=1))
    assert gaps(engine, place.book) == [*left, (quarter, "v.csv", 2, None, None, True)]
