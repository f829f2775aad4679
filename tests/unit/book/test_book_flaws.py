"""What people edit or leave in the book by hand is refused in words, with its place (SPEC 2, 8.2, 9, 10.1, 12)."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.inbox import decisions, flaw, pending, put, read_entry
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import Book
from creditaudit.book.reference import OPTIONAL, read, read_optional, snapshot
from creditaudit.book.rules_in_force import rules_in_force
from creditaudit.errors import BookBrokenError, StorageError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place

DAY = date(2026, 11, 20)
TEXT = "SELECT 1"
GOOD = {"folder": "R101_lost_card_used", "text": TEXT, "sha256": hashlib.sha256(TEXT.encode()).hexdigest()}


def leave(book: Book, body: Any, *, kind: Any = "rule_approval", by: Any = "Li") -> Path:
    """Put a file into the inbox that its name fits, whatever it says."""
    content = {
        "creditaudit_inbox": 1,
        "decided_on": DAY.isoformat(),
        "kind": kind,
        "by": by,
        "reason": "",
        "body": body,
    }
    data = json.dumps(content).encode()
    path = book.inbox / f"{DAY.isoformat()}-{hashlib.sha256(data).hexdigest()}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


# --- inbox ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        ("wish", {}, "kind is not known"),
        ("rule_approval", {}, "names no rule"),
        ("rule_approval", {**GOOD, "folder": 101}, "names no rule"),
        ("rule_approval", {**GOOD, "folder": "../../R101_x"}, "names no rule"),
        ("rule_approval", {**GOOD, "folder": "R101_x/.."}, "names no rule"),
        ("rule_approval", {"folder": GOOD["folder"]}, "no rule text"),
        ("rule_approval", {**GOOD, "text": [TEXT]}, "no rule text"),
        ("rule_approval", {**GOOD, "text": " \n"}, "no rule text"),
        ("rule_approval", {**GOOD, "text": "\ud800"}, "not Unicode"),
        ("rule_approval", {**GOOD, "text": TEXT + " "}, "sha256"),
        ("readmission", {"feed": "\ud800"}, "not Unicode"),
        ("removal", {"removal": "erase", "key_id": "K1", "persons": ["\ud800"]}, "not Unicode"),
        ("rule_approval", GOOD, None),
        ("rule_approval", {"folder": GOOD["folder"], "text": TEXT}, None),
    ],
)
def test_a_decision_without_the_shape_of_its_kind_changes_no_rule(
    tmp_path: Path, kind: str, body: dict[str, Any], why: str | None
) -> None:
    """SPEC 9: "A night … checks them again and lists refusals"."""
    book = Book(tmp_path)
    path = leave(book, body, kind=kind)
    entry = read_entry(path)
    assert (flaw(entry) is None) is (why is None)
    said = decisions(book, DAY).refused
    assert [path.name in one and (why or "") in one for one in said] == ([] if why is None else [True])
    changed = rules_in_force(book, {"R101_lost_card_used": b"shipped"}, [entry])
    assert changed == {"R101_lost_card_used": TEXT.encode() if why is None else b"shipped"}


@pytest.mark.parametrize(("change", "value"), [("kind", 7), ("by", None), ("body", []), ("body", "text")])
def test_an_entry_with_parts_of_another_type_is_named(tmp_path: Path, change: str, value: Any) -> None:
    book = Book(tmp_path)
    path = leave(book, **{"body": GOOD, change: value})
    with pytest.raises(BookBrokenError, match="inbox entry") as broken:
        pending(book, DAY)
    assert path.name in str(broken.value)


def test_a_night_lists_a_flawed_decision_takes_note_of_it_once_and_is_sealed(place: Place) -> None:
    number = "11010519491231002X"
    for night in (DAY, DAY + timedelta(days=1)):
        account = {"provider_code": "B01", "account_code": "A1", "report_date": "2026-11-19", "id_type": "10"}
        place.deliver(
            night, "accounts", [{**account, "id_number": number, "account_type": "D1", "opened_at": "2024-03-01"}]
        )
        place.deliver(night, "loss_reports", [{"report_no": "L1", "id_number": number, "reported_at": "2024-01-10"}])
        place.drop(night, "invalid_cards", b"event_id,id_number,event,effective_at\n")
    book = Book(place.book)
    flawed = leave(book, {**GOOD, "folder": "../x"})
    good = put(book, "rule_approval", by="Li", reason="", body={"folder": "R999_none", "text": ""}, on=DAY)
    assert place.night(DAY).exit_code(fail_on_findings=False) == 0
    manifest = json.loads((place.folder(DAY) / "manifest.json").read_text())
    assert manifest["inbox"] == sorted([flawed.name, good.file_name], key=lambda name: name.split("-")[3])
    assert len(manifest["summary"]["refused_decisions"]) == 2
    assert f"decision of the inbox refused: inbox entry {flawed.name}" in (place.folder(DAY) / "night.html").read_text()
    assert place.night(DAY + timedelta(days=1)).summary["refused_decisions"] == []


# --- key file ------------------------------------------------------------------------------------------------------

KEY = {"key_id": "K1", "state": "active", "secret": "ab" * 32}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"key_id": "K2", "state": "old", "secret": "cd" * 32}, "state of key 2"),
        ({"key_id": "K2", "state": "Retired", "secret": "cd" * 32}, "state of key 2"),
        ({"key_id": "K1", "state": "retired", "secret": "cd" * 32}, "key_id of an earlier one"),
        ({"key_id": " ", "state": "retired", "secret": "cd" * 32}, "no key_id"),
        *(
            ({"key_id": key_id, "state": "retired", "secret": "cd" * 32}, "no key_id that")
            for key_id in ("13912345678", "11010519491231002X", "a\x1b[2J", "\ud800")
        ),
        ({"key_id": "K2", "state": "superseded", "secret": "ab" * 32}, "secret of an earlier one"),
        ({"key_id": "K2", "state": "superseded", "secret": "cd" * 32}, None),
        ({"key_id": "K2", "state": "retired", "secret": "cd" * 32}, None),
    ],
)
def test_a_key_file_that_contradicts_itself_is_refused(tmp_path: Path, more: dict[str, str], why: str | None) -> None:
    """SPEC 8.2: tokens of a key that is not retired are accepted, so each key has one known state and one name."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"creditaudit_keys": 1, "keys": [KEY, more]}))
    path.chmod(0o600)
    if why is None:
        assert [k.key_id for k in load_keys(str(path), tmp_path / "book").keys] == ["K1", "K2"]
        return
    with pytest.raises(UsageError) as refused:
        load_keys(str(path), tmp_path / "book")
    assert why in str(refused.value)
    assert "ab" * 32 not in str(refused.value)
    assert "cd" * 32 not in str(refused.value)


# --- reference tables ----------------------------------------------------------------------------------------------

CLOCKS = "clock_id,starts_on,days,day_type,kind,source"
INSTITUTIONS = "provider_code,name,kind,region_code,parent_code,valid_from,valid_to"


@pytest.mark.parametrize("days", ["0", "00", "-1", "1.5", "twenty", "", "２０", "1e3", "123456"])
def test_the_days_of_a_clock_are_a_whole_number(tmp_path: Path, days: str) -> None:
    """SPEC 8.4: a due date is counted in whole days."""
    (tmp_path / "clocks.csv").write_text(f"{CLOCKS}\na,sent,20,calendar,house,x\nb,sent,{days},calendar,house,x\n")
    with pytest.raises(UsageError) as refused:
        read(tmp_path, "clocks")
    assert "reference/clocks.csv, line 3, column days" in str(refused.value)


def test_a_quoted_cell_over_two_lines_is_refused_with_its_line(tmp_path: Path) -> None:
    """SPEC 12: reference tables are read as 3.1 says, where a line is a row."""
    rows = 'B01,"a, ""b""",bank,,,,\nB02,"a\nb",bank,,,,\nB03,c,bank,,,,\n'
    (tmp_path / "institutions.csv").write_text(f"{INSTITUTIONS}\n{rows}")
    with pytest.raises(UsageError) as refused:
        read(tmp_path, "institutions")
    assert "reference/institutions.csv, line 3" in str(refused.value)
    (tmp_path / "institutions.csv").write_text(f"{INSTITUTIONS}\n\n{rows.splitlines()[0]}\n")
    assert read(tmp_path, "institutions")["name"].to_pylist() == ['a, "b"']


def test_an_optional_table_is_copied_where_there_is_one(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    book.reference.mkdir(parents=True)
    snapshot(book, tmp_path / "none")
    assert [read_optional(tmp_path / "none", table) for table in OPTIONAL] == [None]
    (book.reference / "area_codes.csv").write_text("prefix,valid_from,valid_to,source\n110105,1949-10-01,,x\n")
    snapshot(book, tmp_path / "one")
    assert read(tmp_path / "one", "area_codes")["valid_from"].to_pylist() == [date(1949, 10, 1)]
    (book.reference / "area_codes.csv").write_text("prefix,valid_from,valid_to,source\n1101,1949-10-01,,x\n")
    with pytest.raises(UsageError, match="six digits"):
        snapshot(book, tmp_path / "bad")


@pytest.mark.parametrize("number", ["13912345678", "11010519491231002X", "110105 19491231 002X", "１３９12345678"])
def test_a_table_with_the_number_of_a_person_is_refused_with_its_place(tmp_path: Path, number: str) -> None:
    """SPEC 10.4: every night keeps a copy, and pages and reports tell what stands in it."""
    book = Book(tmp_path / "book")
    book.reference.mkdir(parents=True)
    table = f"{INSTITUTIONS},remark\nB01,a,bank,,,,,x\nB02,b {number},bank,,,,,y\n"
    (book.reference / "institutions.csv").write_text(table)
    with pytest.raises(UsageError) as refused:
        snapshot(book, tmp_path / "copy")
    assert "reference/institutions.csv, line 3, column name" in str(refused.value)
    assert number not in str(refused.value)
    (book.reference / "institutions.csv").write_text(table.replace(number, "").replace(",y", f",{number}"))
    with pytest.raises(UsageError, match="column remark"):
        snapshot(book, tmp_path / "copy")


@pytest.mark.parametrize("table", ["duties", "area_codes"])
@pytest.mark.parametrize("kind", ["link_to_nothing", "pipe", "folder"])
def test_a_table_that_cannot_be_read_is_never_taken_for_none(tmp_path: Path, table: str, kind: str) -> None:
    """The shipped table in the place of a house's own would judge by other duties, in silence."""
    book = Book(tmp_path / "book")
    book.reference.mkdir(parents=True)
    path = book.reference / f"{table}.csv"
    {"link_to_nothing": lambda: path.symlink_to("gone"), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    with pytest.raises((UsageError, StorageError)) as refused:
        snapshot(book, tmp_path / "copy")
    assert f"{table}.csv" in str(refused.value)
