"""The rows in force over many nights, and complete states (SPEC 3.3, 9; docs/how-it-is-built.md)."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.book import layout
from creditaudit.book.complete import is_complete_due, write_complete
from creditaudit.book.files import listed, write_parquet
from creditaudit.book.layout import FORMAT, Book
from creditaudit.book.state import TABLES, open_state, write_changes
from creditaudit.book.state_files import state_files
from creditaudit.engines import engine_aside
from creditaudit.errors import CreditAuditError
from place import tree_of
from unit.kit import OTHER, PERSON, typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from creditaudit.engines import Engine

FIRST = date(2026, 1, 5)
REPORT = {"report_no": "L1", "id_number": PERSON, "reported_at": "2024-01-10"}
OPENING = {"provider_code": "B01", "account_code": "A1"}


def seal(book: Book, night: date, state: str = "changes") -> Book:
    book.folder(night).mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "state": state}
    (book.folder(night) / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return Book(book.root)


def keep(book: Book, table: str, night: date, *rows: dict[str, Any], state: str = "changes", part: int = 1) -> Book:
    path = book.folder(night) / "state" / table / f"part-{part:05d}.parquet"
    write_parquet(path, TABLES[table].schema, [typed(table, rows, night=night)])
    return seal(book, night, state)


def in_force(engine: Engine, book: Book, table: str, **more: Any) -> list[dict[str, Any]]:
    open_state(engine, book, table, "in_force", **more)
    return engine.fetch("SELECT * FROM in_force ORDER BY ALL").to_pylist()


def night(number: int) -> date:
    return FIRST + timedelta(days=number)


# --- when ----------------------------------------------------------------------------------------------------------


def test_the_first_night_is_complete(tmp_path: Path) -> None:
    assert is_complete_due(Book(tmp_path), FIRST)


def test_every_thirtieth_night_is_complete(tmp_path: Path) -> None:
    """Nights are counted, not days: a book that sleeps at weekends has fewer."""
    due = []
    book = Book(tmp_path)
    for number in range(62):
        state = "complete" if is_complete_due(book, night(number)) else "changes"
        due += [number] if state == "complete" else []
        book = seal(book, night(number), state)
        book.manifests.clear()
        book = Book(tmp_path)
    assert due == [0, 30, 60]


@pytest.mark.parametrize(
    ("last", "tonight", "due"),
    [
        (date(2026, 3, 31), date(2026, 4, 1), True),
        (date(2026, 3, 30), date(2026, 3, 31), False),
        (date(2026, 4, 1), date(2026, 4, 2), False),
        (date(2026, 12, 31), date(2027, 1, 1), True),
        (date(2025, 11, 1), date(2026, 11, 1), True),
    ],
)
def test_the_first_night_of_a_quarter_is_complete(tmp_path: Path, last: date, tonight: date, due: bool) -> None:
    assert is_complete_due(seal(Book(tmp_path), last, "complete"), tonight) is due


# --- what is in force ----------------------------------------------------------------------------------------------


def test_the_newest_nights_row_of_a_key_is_in_force(engine: Engine, tmp_path: Path) -> None:
    book = Book(tmp_path)
    book = keep(book, "loss_reports", night(0), REPORT, {**REPORT, "report_no": "L2"}, state="complete")
    book = keep(book, "loss_reports", night(1), {**REPORT, "channel": "b"})
    book = keep(book, "loss_reports", night(2), {**REPORT, "channel": "c"}, {**REPORT, "report_no": "L3"})
    found = {r["report_no"]: r["channel"] for r in in_force(engine, book, "loss_reports")}
    assert found == {"L1": "c", "L2": None, "L3": None}


def test_a_book_without_a_complete_state_is_read_from_its_changes(engine: Engine, tmp_path: Path) -> None:
    book = keep(Book(tmp_path), "loss_reports", night(0), REPORT)
    book = keep(book, "loss_reports", night(1), {**REPORT, "channel": "b"})
    assert [r["channel"] for r in in_force(engine, book, "loss_reports")] == ["b"]


def test_two_parts_of_one_night_do_not_hide_each_other(engine: Engine, tmp_path: Path) -> None:
    book = keep(Book(tmp_path), "loss_reports", night(0), REPORT)
    book = keep(book, "loss_reports", night(0), {**REPORT, "report_no": "L2"}, part=2)
    assert len(in_force(engine, book, "loss_reports")) == 2


def test_the_first_accepted_opening_stays(engine: Engine, tmp_path: Path) -> None:
    book = keep(Book(tmp_path), "openings", night(0), OPENING, state="complete")
    book = keep(book, "openings", night(1), {**OPENING, "account_code": "A2"})
    book = keep(book, "openings", night(2), {**OPENING, "account_code": "A3"})
    found = in_force(engine, book, "openings")
    assert [(r["account_code"], r["night"]) for r in found] == [("A1", night(0)), ("A2", night(1)), ("A3", night(2))]


def test_nights_before_the_last_complete_state_are_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How old a book is shows in no night: of all that were sealed only those count that changes lie in."""
    book = Book(tmp_path)
    for number, state in enumerate(("complete", "changes", "changes", "complete", "changes", "changes")):
        book = keep(book, "loss_reports", night(number), {**REPORT, "row": number}, state=state)
    looked: list[Path] = []

    def noted(folder: Path) -> list[Path]:
        looked.append(folder)
        return listed(folder)

    monkeypatch.setattr(layout, "listed", noted)
    assert len(book.sealed) == 6  # which nights there are is asked once
    looked.clear()
    complete, changes = state_files(book, "loss_reports")
    assert [path.parents[2].name for path in (*complete, *changes)] == [night(n).isoformat() for n in (3, 4, 5)]
    assert sorted({folder.parents[1].name for folder in looked}) == [night(n).isoformat() for n in (3, 4, 5)]


def test_tonights_changes_are_the_newest(engine: Engine, tmp_path: Path) -> None:
    book = keep(Book(tmp_path), "loss_reports", night(0), REPORT, state="complete")
    path = tmp_path / "nights" / ".x.partial" / "state" / "loss_reports" / "part-00001.parquet"
    rows = typed("loss_reports", [{**REPORT, "channel": "tonight"}], night=night(1))
    write_parquet(path, rows.schema, [rows])
    assert [r["channel"] for r in in_force(engine, book, "loss_reports", tonight=[path])] == ["tonight"]
    assert [r["channel"] for r in in_force(engine, book, "loss_reports")] == [None]


def test_a_book_as_it_was_does_not_see_later_nights(engine: Engine, tmp_path: Path) -> None:
    book = keep(Book(tmp_path), "loss_reports", night(0), REPORT, state="complete")
    keep(book, "loss_reports", night(1), {**REPORT, "channel": "b"}, state="complete")
    assert [r["channel"] for r in in_force(engine, Book(tmp_path, until=night(0)), "loss_reports")] == [None]


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_book_has_every_table_without_rows(engine: Engine, tmp_path: Path, table: str) -> None:
    open_state(engine, Book(tmp_path), table, "in_force")
    found = engine.fetch("SELECT * FROM in_force")
    assert (found.num_rows, found.column_names) == (0, TABLES[table].schema.names)


# --- complete states -----------------------------------------------------------------------------------------------


def completed(engine: Engine, book: Book, tonight: date) -> Book:
    """Write tonight's complete states over tonight's changes, as a night does."""
    write_complete([engine], book, book.folder(tonight))
    return seal(book, tonight, "complete")


def test_a_complete_state_says_the_same_and_needs_no_older_night(engine: Engine, tmp_path: Path) -> None:
    book = keep(Book(tmp_path), "loss_reports", night(0), REPORT, {**REPORT, "report_no": "L2"}, state="complete")
    book = keep(book, "loss_reports", night(1), {**REPORT, "channel": "b", "id_number": OTHER})
    book = keep(book, "loss_reports", night(2), {**REPORT, "report_no": "L0"})
    before = in_force(engine, book, "loss_reports")
    book = completed(engine, book, night(2))
    assert in_force(engine, book, "loss_reports") == before
    complete, changes = state_files(book, "loss_reports")
    assert ([p.name for p in complete], changes) == (["complete.parquet"], [])
    assert {p.parents[2].name for p in complete} == {night(2).isoformat()}
    assert [r["report_no"] for r in pq.read_table(complete[0]).to_pylist()] == ["L0", "L1", "L2"]
    book = keep(book, "loss_reports", night(3), {**REPORT, "report_no": "L0", "channel": "d"})
    assert [r["channel"] for r in in_force(engine, book, "loss_reports")] == ["d", "b", None]


def test_a_complete_state_of_nothing_is_an_empty_file(engine: Engine, tmp_path: Path) -> None:
    book = completed(engine, seal(Book(tmp_path), night(0)), night(0))
    [path] = state_files(book, "issuances")[0]
    assert pq.read_table(path).num_rows == 0
    assert not list(path.parent.parent.glob(".*"))


def test_a_complete_state_does_not_depend_on_the_order_of_its_parts(engine: Engine, tmp_path: Path) -> None:
    rows = [{**REPORT, "report_no": f"L{n}"} for n in range(6)]
    bytes_of = []
    for name, order in (("a", rows), ("b", rows[::-1])):
        book = keep(Book(tmp_path / name), "loss_reports", night(0), *({**r, "row": 1, "line": 2} for r in order))
        book = completed(engine, book, night(0))
        bytes_of.append(state_files(book, "loss_reports")[0][0].read_bytes())
    assert bytes_of[0] == bytes_of[1]


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Engine]:
    """An engine beside the other."""
    with engine_aside(reads=tmp_path, threads=1) as another:
        yield another


def several(book: Book) -> Book:
    """Return a book of three nights, with some rows of four tables."""
    for table, row in (("loss_reports", REPORT), ("openings", OPENING), ("accounts", OPENING), ("issuances", {})):
        book = keep(book, table, night(0), {**row, "id_number": PERSON}, state="complete")
        book = keep(book, table, night(1), *({**row, "id_number": OTHER, "row": n} for n in (2, 3)))
        book = keep(book, table, night(2), {**row, "id_number": OTHER, "row": 4}, {**row, "id_number": PERSON})
    return book


def test_complete_states_do_not_depend_on_how_many_engines_write_them(
    engine: Engine, beside: Engine, tmp_path: Path
) -> None:
    written = []
    for name, engines in (("one", [engine]), ("two", [engine, beside])):
        book = several(Book(tmp_path / name))
        write_complete(engines, book, book.folder(night(2)))
        written.append(tree_of(book.folder(night(2)) / "state"))
    assert written[0] == written[1]
    assert {name for name in written[0] if "/" in name} == {f"{table}/complete.parquet" for table in TABLES}
    assert len(in_force(engine, seal(book, night(2), "complete"), "accounts")) == 2


def test_complete_states_leave_nothing_in_the_engines(engine: Engine, beside: Engine, tmp_path: Path) -> None:
    engine.load("given", pa.table({"n": [1]}))
    before = engine.tables()
    book = several(Book(tmp_path))
    write_complete([engine, beside], book, book.folder(night(2)))
    assert (engine.tables(), beside.tables()) == (before, ())
    assert "given" in before


def test_tonights_changes_stay_until_every_complete_state_is_written(engine: Engine, tmp_path: Path) -> None:
    book = several(Book(tmp_path))
    [broken] = book.parts(night(0), "state/issuances")
    before = {p: p.read_bytes() for p in (book.folder(night(2)) / "state").rglob("*.parquet")}
    broken.write_bytes(b"no parquet")
    with pytest.raises(CreditAuditError):
        write_complete([engine], book, book.folder(night(2)))
    assert {p: p.read_bytes() for p in (book.folder(night(2)) / "state").rglob("*.parquet")} == before
    assert len(before) == 4


def test_a_complete_state_that_memory_has_no_room_for_is_written(tmp_path: Path) -> None:
    spec, many, changed = TABLES["accounts"], 500_000, 2_500
    book = Book(tmp_path)
    for when, rows in ((night(0), many), (night(1), changed)):
        cells = {
            "provider_code": pa.array(["B01"]).take(pa.array([0] * rows)),
            "account_code": pa.array([f"A{(n * 7919) % many:07}" for n in range(rows)]),
            "night": pa.array([when]).take(pa.array([0] * rows)),
            "file": pa.array(["f.csv"]).take(pa.array([0] * rows)),
            "row": pa.array(range(rows)),
            "line": pa.array(range(rows)),
        }
        long = pa.array(["a text that fills memory where rows are sorted"]).take(pa.array([0] * rows))
        columns = [
            cells.get(column.name, long if pa.types.is_string(column.type) else pa.nulls(rows)).cast(column.type)
            for column in spec.schema
        ]
        path = book.folder(when) / "state" / "accounts" / "part-00001.parquet"
        write_parquet(path, spec.schema, [pa.table(columns, schema=spec.schema)])
        book = seal(book, when, "changes" if rows == changed else "complete")
    with engine_aside("256MiB", reads=tmp_path, threads=1) as small:  # a third of what the rows take
        write_complete([small], book, book.folder(night(1)))
    [path] = listed(book.folder(night(1)) / "state" / "accounts")
    written = pq.read_table(path, columns=["account_code", "night"])
    assert written["account_code"].to_pylist() == [f"A{n:07}" for n in range(many)]
    assert sum(when == night(1) for when in written["night"].to_pylist()) == changed


def test_changes_made_in_memory_are_a_file_or_none(tmp_path: Path) -> None:
    schema = TABLES["quarantined_numbers"].schema
    assert write_changes(tmp_path, "quarantined_numbers", schema.empty_table()) == []
    row = {"night": FIRST, "feed": "accounts", "file": "f", "row": 1, "id_norm": PERSON}
    [path] = write_changes(tmp_path, "quarantined_numbers", pa.Table.from_pylist([row], schema=schema))
    assert pq.read_table(path).to_pylist() == [row]
