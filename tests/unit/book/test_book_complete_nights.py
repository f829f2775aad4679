"""Nights with complete states find what nights without them find, and need no older night.

SPEC 9, and docs/how-it-is-built.md, Held by tests.
"""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from creditaudit import night as night_module
from creditaudit import night_run
from creditaudit.book.state import TABLES
from creditaudit.engines import open_engine
from creditaudit.runlog import Meter, RunLog
from place import Place, tree_of
from reference.small import ACCOUNT, EVENT, ISSUANCE, OPENING, REPORT

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine

# The third night begins a quarter.
NIGHTS = (date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2))
OLD = {"report_date": "2026-09-01"}


def deliver(place: Place) -> None:
    """Four nights in which rows of every kind of state come, change, come again, differ or are quarantined."""
    first, second, third, fourth = NIGHTS
    place.deliver(first, "accounts", [{**ACCOUNT, **OLD}, {**ACCOUNT, **OLD, "account_code": "A9"}])
    place.deliver(first, "openings", [OPENING])
    place.deliver(first, "loss_reports", [REPORT])
    place.deliver(first, "invalid_cards", [EVENT])
    place.deliver(second, "accounts", [{**ACCOUNT, **OLD, "account_code": "A2", "account_type": "X"}])
    place.deliver(second, "openings", [{**OPENING, "card_valid_from": "2021-01-01"}])
    place.deliver(second, "loss_reports", [{**REPORT, "withdrawn_at": "2026-01-01"}])
    place.deliver(second, "issuances", [ISSUANCE])
    place.deliver(third, "accounts", [{**ACCOUNT, **OLD, "account_code": "A3"}])
    place.deliver(third, "openings", [{**OPENING, "account_code": "A3"}])
    place.deliver(third, "account_renames", [_rename("A9", "A10")])
    place.deliver(fourth, "accounts", [{**ACCOUNT, "report_date": "2026-09-30", "amount": "7"}])
    place.deliver(fourth, "loss_reports", [{**REPORT, "report_no": "L2", "reported_at": "2026-02-01"}])


def _rename(old: str, new: str) -> dict[str, str]:
    day = NIGHTS[2].isoformat()
    return {"provider_code": "B01", "old_account_code": old, "new_account_code": new, "effective_on": day}


class Books:
    """The same nights several times, the first two in common."""

    def __init__(self, root: Path) -> None:
        begun = self.begun = Place(root / "begun", root / "landing")
        begun.root.mkdir()
        begun.made()
        deliver(begun)
        for day in NIGHTS[:2]:
            begun.night(day)
        # Complete when it is due: the third night begins a quarter.
        self.complete = begun.copied(root / "complete")
        self.complete.night(NIGHTS[2])
        self.beside = begun.copied(root / "beside")
        self.beside.night(NIGHTS[2], threads=2)
        # As it was then, without the states of the nights before the complete one.
        self.lighter = self.complete.copied(root / "lighter")
        for day in NIGHTS[:2]:
            shutil.rmtree(self.lighter.folder(day) / "state")
        self.changes = begun.copied(root / "changes")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(night_module, "is_complete_due", lambda *_: False)
            self.changes.night(NIGHTS[2])
            self.changes.night(NIGHTS[3])
        self.complete.night(NIGHTS[3])
        self.lighter.night(NIGHTS[3])


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    """Judged once."""
    return Books(tmp_path_factory.mktemp("books"))


def test_the_published_tables_and_reports_are_the_same(books: Books) -> None:
    for day in NIGHTS[2:]:
        for folder in ("published", "quarantine", "intake"):
            assert tree_of(books.complete.folder(day) / folder) == tree_of(books.changes.folder(day) / folder)
        for name in ("exceptions.csv", "exceptions_all.csv"):
            files = [place.folder(day) / "reports" / "pboc" / name for place in (books.complete, books.changes)]
            assert files[0].read_bytes() == files[1].read_bytes()
    last = books.complete.rows(NIGHTS[-1], "findings")
    assert {(r["account_code"], r["rule_id"]) for r in last} >= {("A1", "R101"), ("A3", "R101")}
    assert "A10" in {r["account_code"] for r in last}
    spots = {r["account_code"]: r["blind_spots"] for r in books.complete.rows(NIGHTS[-1], "cases")}
    assert spots["A1"] == "opening_changed;quarantined_rows:accounts"


def states(place: Place) -> list[str]:
    book = night_module.Book(place.book)
    return [manifest["state"] for manifest in book.manifests.values()]


def test_the_first_night_and_the_first_of_a_quarter_are_complete(books: Books) -> None:
    assert states(books.complete) == ["complete", "changes", "complete", "changes"]
    assert states(books.changes) == ["complete", "changes", "changes", "changes"]


def test_a_complete_night_has_every_table_in_one_file_without_keys_twice(books: Books) -> None:
    folder = books.complete.folder(NIGHTS[2]) / "state"
    assert sorted(p.name for p in folder.iterdir()) == sorted(TABLES)
    for name, table in TABLES.items():
        [path] = (folder / name).iterdir()
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        assert path.name == "complete.parquet"
        if table.key:
            keys = [tuple(str(row[column]) for column in table.key) for row in rows]
            assert len(set(keys)) == len(keys), name


def test_the_rows_in_force_need_no_night_before_the_complete_one(books: Books) -> None:
    """The fourth night of a book whose older states are gone finds what the whole book finds."""
    for folder in ("published", "state"):
        assert tree_of(books.lighter.folder(NIGHTS[3]) / folder) == tree_of(books.complete.folder(NIGHTS[3]) / folder)


def test_engines_that_write_side_by_side_write_the_same(books: Books) -> None:
    assert tree_of(books.beside.folder(NIGHTS[2])) == tree_of(books.complete.folder(NIGHTS[2]))


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ((1, "1440MiB"), [(1, "1474560KiB")]),
        ((2, "1440MiB"), [(1, "737280KiB")] * 2),
        ((8, "1440MiB"), [(4, "737280KiB")] * 2),
        ((2, "1023MiB"), [(2, "1047552KiB")]),
        ((2, "1GiB"), [(1, "524288KiB")] * 2),
        ((2, "100MiB"), [(2, "102400KiB")]),
    ],
)
def test_engines_side_by_side_share_threads_and_memory(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[int, str], shares: list[tuple[int, str]]
) -> None:
    place, (threads, limit) = books.begun.copied(tmp_path / "copy"), given
    told = place.config.read_text(encoding="utf-8")
    place.config.write_text(told.replace('"1440MiB"', f'"{limit}"'), encoding="utf-8")
    opened = []

    def noted(scratch: Path, **given: Any) -> Engine:
        opened.append((given["threads"], given["memory_limit"]))
        return open_engine(scratch, **given)

    monkeypatch.setattr(night_run, "open_engine", noted)
    place.night(NIGHTS[2], threads=threads)
    assert opened == [given, *shares]


def test_what_engines_side_by_side_were_asked_is_counted_together(books: Books, tmp_path: Path) -> None:
    stages = {}
    for threads in (1, 2):
        log = RunLog(meter=Meter())
        books.begun.copied(tmp_path / str(threads)).night(NIGHTS[2], threads=threads, log=log)
        stages[threads] = next(stage for stage in log.stages if stage.name == "complete states")
        assert log.stages.index(stages[threads]) == len(log.stages) - 2  # before the seal
    assert stages[1].statements == stages[2].statements
    assert stages[1].scanned_rows == stages[2].scanned_rows
    assert stages[1].statements is not None
    assert stages[1].statements >= len(TABLES)
    assert stages[1].scanned_rows
