"""Which files a recall is of, and which cannot be recalled (SPEC 9, Inbox)."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.as_of import open_book as open_to_read
from creditaudit.book.inbox import Entry, flaw, put
from creditaudit.book.layout import Book, open_book
from creditaudit.intake.recalls import Recalled, deliveries, first_night, recalls, refusal
from reference.small import ACCOUNT, EVENT, NEXT, NIGHT, REPORT

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place

FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)
SHA, OTHER, EMPTY, REFUSED = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def _input(sha256: str, *, file: str = "f.csv", folder: str = "2026-11-20", **cells: Any) -> dict[str, Any]:
    base = {"folder": folder, "feed": "accounts", "file": file, "sha256": sha256, "refused": None, "delivered": 3}
    return {**base, **cells}


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """A book of two nights, as far as their manifests tell of it."""
    opened = Book(tmp_path)
    opened.__dict__["manifests"] = {
        FIRST: {
            "inputs": [
                _input(SHA),
                _input(EMPTY, file="none.csv", delivered=0),
                _input(REFUSED, file="bad.csv", refused="its .ctl states 4 rows, the file has 3", delivered=None),
            ]
        },
        SECOND: {"inputs": [_input(SHA, file="late.csv"), _input(OTHER, folder="inbox", file="0123")]},
    }
    return opened


def _entry(sha256: object) -> Entry:
    return Entry(SECOND, "recall", "Li", "a mistake", {"sha256": sha256}, "e" * 64)


def test_every_delivery_of_the_bytes_is_meant(book: Book) -> None:
    """Also one that turned up late in the folder of a sealed night, and corrected rows of the inbox."""
    assert deliveries(book, SHA) == [
        Recalled(FIRST, "accounts", "f.csv", 0, SHA),
        Recalled(SECOND, "accounts", "2026-11-20/late.csv", 0, SHA),
    ]
    assert [one.file for one in deliveries(book, OTHER)] == ["inbox/0123"]


@pytest.mark.parametrize(
    ("sha256", "known", "why"),
    [
        ("e" * 64, (), "no sealed night read a file with that SHA-256"),
        (REFUSED, (), r"nothing of it is in the book, for it was refused .*its \.ctl states 4 rows"),
        (EMPTY, (), "it has no row"),
        (SHA, (SHA,), "it was recalled before"),
    ],
)
def test_what_cannot_be_recalled(book: Book, sha256: str, known: tuple[str, ...], why: str) -> None:
    assert re.search(why, refusal(book, sha256, known) or "taken")


def test_two_decisions_on_one_file_are_one(book: Book) -> None:
    """Of two entries of one night the second is refused; another file of the same night is taken."""
    taken = recalls(book, [_entry(SHA), _entry(SHA), _entry(OTHER), _entry("e" * 64)])
    assert {one.sha256 for one in taken.files} == {SHA, OTHER}
    assert [line.rpartition(": ")[2] for line in taken.refused] == [
        "it was recalled before",
        "no sealed night read a file with that SHA-256",
    ]


def test_a_file_that_was_accepted_can_be_recalled(book: Book) -> None:
    assert refusal(book, SHA, ()) is None


def test_nights_are_folded_anew_from_where_no_recalled_row_counted() -> None:
    """What an earlier recall took back later than the file's night still lies in the state before that night."""
    third, fourth = date(2026, 11, 22), date(2026, 11, 23)
    own = [Recalled(third, "accounts", "f.csv", 0, SHA)]
    earlier = Recalled(FIRST, "accounts", "g.csv", 0, OTHER)
    assert first_night("accounts", own, []) == third
    assert first_night("accounts", own, [(SECOND, earlier)]) == third
    assert first_night("accounts", own, [(fourth, earlier)]) == FIRST


@pytest.mark.parametrize("sha256", [None, "", "A" * 64, "a" * 63, 7])
def test_an_entry_without_a_whole_hash_is_refused(sha256: object) -> None:
    assert flaw(_entry(sha256)) == "its body names no file by its SHA-256"
    assert flaw(_entry(SHA)) is None


def test_a_row_that_lost_its_key_stands_as_it_was_read(place: Place) -> None:
    """Its twin is recalled: it is in force with every cell, also one that could not be read, and is no blind spot."""
    row = {**REPORT, "card_valid_from": "不详", "lost_at": "2024-01-10 09:30", "name": "欧阳 测试", "withdrawn_at": ""}
    place.deliver(NIGHT, "accounts", [ACCOUNT])
    place.deliver(NIGHT, "invalid_cards", [EVENT])
    twin = place.deliver(NIGHT, "loss_reports", [row], name="a.csv")
    place.deliver(NIGHT, "loss_reports", [row, {**row, "report_no": "L2"}], name="b.csv")
    for feed, rows in (("accounts", [ACCOUNT]), ("invalid_cards", [EVENT]), ("loss_reports", [])):
        place.deliver(NEXT, feed, rows or [{**REPORT, "report_no": "L3"}])
    place.night(NIGHT)
    before = _standing(place, NIGHT)
    body = {"sha256": hashlib.sha256(twin.read_bytes()).hexdigest()}
    put(open_book(place.book), "recall", by="Li", reason="x", body=body, on=NEXT)
    place.night(NEXT)
    after = _standing(place, NEXT)
    assert before["L1"].pop("file") == "a.csv"
    assert after["L1"].pop("file") == "b.csv"
    assert after["L1"] == before["L1"]
    assert after["L1"]["dropped"] == "bad_type:card_valid_from"
    assert after["L2"] == before["L2"]


def _standing(place: Place, night: date) -> dict[str, dict[str, Any]]:
    rows = open_to_read(place.book).as_of(night).standing("loss_reports").to_pylist()
    return {row["report_no"]: row for row in rows}
