"""From typed parts to what a night keeps: accepted rows, rows in force, quarantine (SPEC 2, 3.3, 9, 12)."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.book.layout import FORMAT, Book
from creditaudit.book.state import open_state
from creditaudit.errors import InternalError
from creditaudit.intake.admit import RAW_QUARANTINE, Admitted, admit, quarantine
from creditaudit.intake.keys import Resolved
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.receive import receive
from creditaudit.tables import QUARANTINE
from unit.kit import NIGHT, PERSON

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.engines import Engine

Cells = dict[str, str]
NEXT = NIGHT + timedelta(days=1)
THIRD = NIGHT + timedelta(days=2)
ACCOUNT = {
    "provider_code": "B01",
    "account_code": "A1",
    "report_date": "2026-11-01",
    "id_type": "10",
    "id_number": PERSON,
    "account_type": "D1",
    "opened_at": "2024-01-10",
    "amount": "1",
}
OPENING = {"provider_code": "B01", "account_code": "A1", "channel": "counter", "card_valid_from": "2020-01-01"}
REPORT = {"report_no": "L1", "id_number": PERSON, "reported_at": "2024-01-10", "entered_at": "2024-01-11"}


class Shelf:
    """A book to which feeds are admitted one at a time."""

    def __init__(self, root: Path, engine: Engine) -> None:
        self.root = root
        self.engine = engine

    def admit(self, feed: str, files: dict[str, list[Cells]], night: date = NIGHT) -> Admitted:
        """Receive files and admit them, then seal the night as one of changes."""
        delivered = []
        for name, rows in files.items():
            path = self.root / "landing" / night.isoformat() / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_text(rows))
            delivered.append(DeliveredFile(feed, name, path))
        scratch = self.root / "scratch" / night.isoformat()
        scratch.mkdir(parents=True, exist_ok=True)
        reports = receive(delivered, night=night, scratch=scratch, workers=1)
        book = Book(self.root / "book")
        folder = book.folder(night)
        found = admit(self.engine, book, feed, reports=reports, folder=folder, night=night)
        (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "state": "changes"}), encoding="utf-8")
        return found

    def rows(self, night: date, kind: str, feed: str) -> list[dict[str, Any]]:
        """Rows of one kind (intake, state) of a night, by file and row."""
        folder = Book(self.root / "book").folder(night) / kind / feed
        tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
        return sorted(pa.concat_tables(tables).to_pylist(), key=lambda r: (r["file"], r["row"])) if tables else []

    def standing(self, feed: str) -> list[dict[str, Any]]:
        """Rows in force."""
        open_state(self.engine, Book(self.root / "book"), feed, "in_force")
        return self.engine.fetch("SELECT * FROM in_force ORDER BY ALL").to_pylist()


def _text(rows: list[Cells]) -> bytes:
    out = io.StringIO(newline="")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@pytest.fixture
def shelf(tmp_path: Path, engine: Engine) -> Shelf:
    """An empty book."""
    return Shelf(tmp_path, engine)


def places(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(r["file"], r["row"]) for r in rows]


def reasons(found: Admitted) -> list[tuple[str, int, int, str, str]]:
    names = ("file", "row", "line", "disposition", "reasons")
    return [tuple(r[n] for n in names) for r in found.quarantine.to_pylist()]


def test_every_delivered_row_ends_in_one_place(shelf: Shelf) -> None:
    """SPEC 2: accepted, or quarantined with its reasons, its line and its raw text."""
    rows = [
        ACCOUNT,
        {**ACCOUNT, "amount": "2"},
        {**ACCOUNT, "account_code": "A2"},
        {**ACCOUNT, "account_code": "A2", "account_type": "R1"},
        {**ACCOUNT, "account_code": "A3", "account_type": "X"},
        {**ACCOUNT, "account_code": "A4", "amount": "x"},
    ]
    found = shelf.admit("accounts", {"a.csv": rows, "b.csv": [{**ACCOUNT, "report_date": "2026-11-02"}]})
    assert found.accepted == {"a.csv": 1, "b.csv": 1}
    assert reasons(found) == [
        ("a.csv", 1, 2, "row_quarantined", "duplicate"),
        ("a.csv", 2, 3, "row_quarantined", "stale"),
        ("a.csv", 3, 4, "row_quarantined", "conflict"),
        ("a.csv", 4, 5, "row_quarantined", "conflict"),
        ("a.csv", 5, 6, "row_quarantined", "bad_code:account_type"),
        ("a.csv", 6, 7, "cell_dropped", "bad_type:amount"),
    ]
    assert places(shelf.rows(NIGHT, "intake", "accounts")) == [("a.csv", 6), ("b.csv", 1)]
    raw = {r["row"]: r["raw"] for r in found.quarantine.to_pylist()}
    assert raw[2].split(",")[-1] == "2"
    assert raw[5].split(",")[5] == "X"


def test_a_row_that_lost_a_cell_and_then_its_key_is_listed_once(shelf: Shelf) -> None:
    """SPEC 12: a quarantined row lists only what cost it; it never appears twice."""
    found = shelf.admit("accounts", {"a.csv": [{**ACCOUNT, "amount": "x"}, ACCOUNT]})
    assert reasons(found) == [("a.csv", 1, 2, "row_quarantined", "duplicate")]


def test_the_raw_quarantine_lies_in_the_night_and_the_published_one_has_no_raw_text(shelf: Shelf) -> None:
    found = shelf.admit("accounts", {"a.csv": [{**ACCOUNT, "account_type": "X"}]})
    kept = pq.read_table(Book(shelf.root / "book").folder(NIGHT) / "quarantine" / "accounts.parquet")
    assert kept.equals(found.quarantine)
    published = quarantine([found])
    assert published.schema.equals(QUARANTINE)
    assert "raw" not in published.column_names
    assert published.num_rows == 1


def test_a_part_that_loses_no_row_is_one_copy_of_the_bytes_under_two_names(shelf: Shelf) -> None:
    shelf.admit("accounts", {"a.csv": [ACCOUNT]})
    folder = Book(shelf.root / "book").folder(NIGHT)
    intake, state = (folder / kind / "accounts" / "part-00001.parquet" for kind in ("intake", "state"))
    assert intake.samefile(state)


def test_a_part_that_loses_rows_is_written_anew_with_the_rest_in_order(shelf: Shelf) -> None:
    rows = [{**ACCOUNT, "account_code": f"A{n % 7}", "amount": str(n)} for n in range(10)]
    found = shelf.admit("accounts", {"a.csv": rows})
    assert [r["row"] for r in shelf.rows(NIGHT, "intake", "accounts")] == [4, 5, 6, 7, 8, 9, 10]
    assert found.accepted == {"a.csv": 7}
    assert list((shelf.root / "scratch").rglob("*accounts*typed*")) == []


def test_a_part_that_loses_all_rows_leaves_no_change(shelf: Shelf) -> None:
    found = shelf.admit("accounts", {"a.csv": [ACCOUNT, {**ACCOUNT, "account_type": "R1"}]})
    assert (found.accepted, found.state) == ({"a.csv": 0}, [])
    assert shelf.standing("accounts") == []


def test_a_row_that_says_what_the_book_says_is_accepted_and_changes_nothing(shelf: Shelf) -> None:
    shelf.admit("accounts", {"a.csv": [ACCOUNT]})
    found = shelf.admit("accounts", {"b.csv": [ACCOUNT, {**ACCOUNT, "account_code": "A2"}]}, NEXT)
    assert found.accepted == {"b.csv": 2}
    assert places(shelf.rows(NEXT, "intake", "accounts")) == [("b.csv", 1), ("b.csv", 2)]
    assert places(shelf.rows(NEXT, "state", "accounts")) == [("b.csv", 2)]
    assert places(shelf.standing("accounts")) == [("a.csv", 1), ("b.csv", 2)]


def test_a_night_that_only_repeats_has_no_state(shelf: Shelf) -> None:
    shelf.admit("accounts", {"a.csv": [ACCOUNT]})
    assert shelf.admit("accounts", {"a.csv": [ACCOUNT]}, NEXT).state == []
    assert places(shelf.rows(NEXT, "intake", "accounts")) == [("a.csv", 1)]


def test_a_row_that_stands_replaces_the_one_in_the_book_and_the_book_keeps_both(shelf: Shelf) -> None:
    shelf.admit("loss_reports", {"a.csv": [REPORT]})
    shelf.admit("loss_reports", {"b.csv": [{**REPORT, "withdrawn_at": "2024-02-01"}]}, NEXT)
    [row] = shelf.standing("loss_reports")
    assert (row["file"], row["withdrawn_from"] is None) == ("b.csv", False)
    assert places(shelf.rows(NIGHT, "intake", "loss_reports")) == [("a.csv", 1)]


def test_an_older_row_is_stale_against_the_book_of_all_nights(shelf: Shelf) -> None:
    shelf.admit("loss_reports", {"a.csv": [{**REPORT, "entered_at": "2024-01-20"}]})
    shelf.admit("loss_reports", {"a.csv": [{**REPORT, "report_no": "L2"}]}, NEXT)
    found = shelf.admit("loss_reports", {"a.csv": [REPORT]}, THIRD)
    assert reasons(found) == [("a.csv", 1, 2, "row_quarantined", "stale")]
    assert [r["report_no"] for r in shelf.standing("loss_reports")] == ["L1", "L2"]


# --- openings ------------------------------------------------------------------------------------------------------


def changes(shelf: Shelf) -> list[dict[str, Any]]:
    return shelf.standing("opening_changes")


def test_the_first_accepted_opening_stays_and_one_that_differs_is_kept_once(shelf: Shelf) -> None:
    """SPEC 3.3."""
    shelf.admit("openings", {"a.csv": [OPENING]})
    other = {**OPENING, "card_valid_from": "2021-01-01"}
    found = shelf.admit("openings", {"b.csv": [other]}, NEXT)
    assert (found.accepted, found.state) == ({"b.csv": 1}, [])
    shelf.admit("openings", {"c.csv": [other, {**OPENING, "account_code": "A2"}]}, THIRD)
    assert places(shelf.standing("openings")) == [("a.csv", 1), ("c.csv", 2)]
    assert places(changes(shelf)) == [("b.csv", 1)]


def test_an_opening_that_differs_in_any_column_is_a_change_and_an_equal_one_is_none(shelf: Shelf) -> None:
    shelf.admit("openings", {"a.csv": [OPENING]})
    shelf.admit("openings", {"a.csv": [OPENING]}, NEXT)
    assert changes(shelf) == []
    shelf.admit("openings", {"a.csv": [{**OPENING, "phone": "1"}]}, THIRD)
    assert [r["phone"] for r in changes(shelf)] == ["1"]


def test_of_two_different_openings_of_one_night_neither_judges_and_a_later_one_does(shelf: Shelf) -> None:
    """SPEC 12."""
    found = shelf.admit("openings", {"a.csv": [OPENING, {**OPENING, "phone": "1"}]})
    assert {r[4] for r in reasons(found)} == {"conflict"}
    shelf.admit("openings", {"b.csv": [{**OPENING, "phone": "2"}]}, NEXT)
    assert [r["phone"] for r in shelf.standing("openings")] == ["2"]
    assert changes(shelf) == []


# --- conservation --------------------------------------------------------------------------------------------------


def test_a_row_that_is_lost_on_the_way_stops_the_night(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC 2: delivered = accepted + quarantined, or the night is not sealed."""

    def lossy(engine: Engine, *_: object) -> Resolved:
        engine.table("lost", "SELECT 'a.csv' AS file, CAST(1 AS BIGINT) AS row, 'stale' AS reason")
        engine.table("known", "SELECT 'a.csv' AS file, CAST(1 AS BIGINT) AS row, TRUE AS same WHERE FALSE")
        return Resolved("lost", "known")

    monkeypatch.setattr("creditaudit.intake.admit._rejected_rows", lambda *_: RAW_QUARANTINE.empty_table())
    monkeypatch.setattr("creditaudit.intake.admit.resolve", lossy)
    with pytest.raises(InternalError, match="delivered rows were lost") as stopped:
        shelf.admit("accounts", {"a.csv": [ACCOUNT]})
    assert "accounts/a.csv: 1 delivered, 0 accepted, 0 quarantined" in str(stopped.value)


def test_the_state_of_a_small_night_is_one_file_however_many_were_delivered(shelf: Shelf) -> None:
    """Every later night opens each file of the state, each time that it reads the table."""
    files = {f"{name}.csv": [{**ACCOUNT, "account_code": f"{name}{n}"} for n in range(2)] for name in "abc"}
    found = shelf.admit("accounts", files)
    assert [path.name for path in found.state] == ["part-00001.parquet"]
    delivered = [("a.csv", 1), ("a.csv", 2), ("b.csv", 1), ("b.csv", 2), ("c.csv", 1), ("c.csv", 2)]
    assert places(shelf.rows(NIGHT, "state", "accounts")) == delivered
    again = {"d.csv": [{**ACCOUNT, "account_code": "a0"}], "e.csv": [{**ACCOUNT, "account_code": "e0"}]}
    shelf.admit("accounts", again, NEXT)
    assert places(shelf.rows(NEXT, "state", "accounts")) == [("e.csv", 1)]
