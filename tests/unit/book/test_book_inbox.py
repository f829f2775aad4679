"""What people decide between nights: immutable entries, taken once, in one order (SPEC 9)."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.inbox import Entry, pending, put, read_entry
from creditaudit.book.layout import FORMAT, Book
from creditaudit.errors import BookBrokenError, UsageError
from unit.kit import PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEALED = date(2026, 11, 20)


def sealed_book(root: Path, taken: Sequence[str] = ()) -> Book:
    folder = Book(root).folder(SEALED)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "inbox": list(taken)}), encoding="utf-8")
    return Book(root)


def approve(book: Book, text: str = "SELECT", on: date | None = None, **more: Any) -> Entry:
    body = {"folder": "R101_x", "text": text}
    return put(book, "rule_approval", **{"by": "王审计", "reason": "复核", "body": body, "on": on, **more})


def test_an_entry_is_one_file_named_by_its_day_and_its_content(tmp_path: Path) -> None:
    book = sealed_book(tmp_path)
    entry = approve(book, on=date(2026, 12, 1))
    [path] = book.inbox.iterdir()
    assert path.name == entry.file_name == f"2026-12-01-{entry.sha256}.json"
    assert read_entry(path) == entry
    assert (entry.by, entry.reason, entry.body["text"]) == ("王审计", "复核", "SELECT")


@pytest.mark.parametrize(
    ("on", "decided"),
    [
        (None, date(2026, 11, 21)),
        (date(2026, 11, 1), date(2026, 11, 21)),
        (SEALED, date(2026, 11, 21)),
        (date(2026, 11, 21), date(2026, 11, 21)),
        (date(2026, 11, 22), date(2026, 11, 22)),
    ],
)
def test_no_decision_is_dated_before_the_next_night(tmp_path: Path, on: date | None, decided: date) -> None:
    assert approve(sealed_book(tmp_path), on=on).decided_on == decided


def test_a_book_without_a_night_needs_the_date(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--on DATE"):
        approve(Book(tmp_path))
    assert approve(Book(tmp_path), on=date(2020, 1, 1)).decided_on == date(2020, 1, 1)


@pytest.mark.parametrize("change", [{"by": ""}, {"by": " \t"}])
def test_somebody_must_decide(tmp_path: Path, change: dict[str, str]) -> None:
    book = sealed_book(tmp_path)
    with pytest.raises(UsageError, match="nobody is named"):
        approve(book, **change)
    assert not book.inbox.exists()


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown kind"):
        put(sealed_book(tmp_path), "wish", by="x", reason="", body={}, on=None)


def test_the_same_decision_twice_is_one_file(tmp_path: Path) -> None:
    book = sealed_book(tmp_path)
    first, second = approve(book), approve(book)
    assert first == second
    assert len(list(book.inbox.iterdir())) == 1


def test_a_night_takes_what_is_due_and_no_manifest_names_in_order(tmp_path: Path) -> None:
    book = sealed_book(tmp_path)
    later, second, first = (approve(book, text, date(2026, 11, day)) for text, day in (("a", 23), ("b", 22), ("c", 21)))
    twin = approve(book, "d", date(2026, 11, 22))
    pair = sorted([second, twin], key=lambda e: e.sha256)
    assert pending(book, date(2026, 11, 22)) == [first, *pair]
    assert pending(book, date(2026, 11, 23)) == [first, *pair, later]
    assert pending(book, date(2026, 11, 20)) == []


def test_what_a_manifest_names_is_taken_only_once(tmp_path: Path) -> None:
    taken = approve(sealed_book(tmp_path / "a"))
    book = sealed_book(tmp_path / "b", [taken.file_name])
    approve(book)
    left = approve(book, "other")
    assert pending(book, date(2026, 11, 30)) == [left]


def test_a_book_without_an_inbox_has_nothing_pending(tmp_path: Path) -> None:
    assert pending(sealed_book(tmp_path), date(2026, 11, 30)) == []


def test_a_leftover_of_a_killed_writer_is_not_read(tmp_path: Path) -> None:
    book = sealed_book(tmp_path)
    entry = approve(book)
    (book.inbox / f".{entry.sha256}.new").write_text("{", encoding="utf-8")
    assert pending(book, date(2026, 11, 30)) == [entry]


@pytest.mark.parametrize("kind", ["flipped", "empty", "list", "renamed", "day_moved", "no_kind"])
def test_an_entry_that_is_not_what_its_name_says_is_refused(tmp_path: Path, kind: str) -> None:
    book = sealed_book(tmp_path)
    path = book.inbox / approve(book).file_name
    text = path.read_text(encoding="utf-8")
    if kind == "flipped":
        path.write_text(text.replace("SELECT", "SELECX"), encoding="utf-8")
    elif kind in ("empty", "list"):
        path.write_text("" if kind == "empty" else "[]", encoding="utf-8")
    elif kind == "no_kind":
        path.write_text(text.replace('"kind"', '"kinds"'), encoding="utf-8")
    elif kind == "renamed":
        path = path.rename(book.inbox / f"2026-11-21-{'0' * 64}.json")
    else:
        path = path.rename(book.inbox / path.name.replace("2026-11-21", "2026-11-20"))
    with pytest.raises(BookBrokenError, match="inbox entry") as broken:
        pending(book, date(2026, 11, 30))
    assert path.name in str(broken.value)


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "half_a_letter"])
def test_an_entry_that_nobody_could_read_or_write_out_is_refused(tmp_path: Path, kind: str) -> None:
    """A pipe would hold every night; what has half a letter could be written into no manifest."""
    book = sealed_book(tmp_path)
    path = book.inbox / approve(book).file_name
    content = path.read_bytes()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        path.mkdir()
    else:
        _put_by_hand(book, content.replace("王审计".encode(), b"\\ud800"))
    with pytest.raises(BookBrokenError, match="inbox entry"):
        pending(book, date(2026, 11, 30))


def _put_by_hand(book: Book, content: bytes) -> None:
    (book.inbox / f"2026-11-21-{hashlib.sha256(content).hexdigest()}.json").write_bytes(content)


def test_numbers_and_letters_that_act_are_hidden_in_who_and_why_whoever_wrote_them(tmp_path: Path) -> None:
    """SPEC 10.4: manifests and pages tell who decided and why; an entry may have been put there by hand."""
    book = sealed_book(tmp_path)
    path = book.inbox / approve(book, by="NAME", reason="REASON").file_name
    content = path.read_bytes().replace(b"NAME", f"{PERSON}\\u001b[2J".encode()).replace(b"REASON", b"13912345678")
    path.unlink()
    _put_by_hand(book, content)
    [entry] = pending(book, date(2026, 11, 30))
    assert (entry.by, entry.reason) == ("***\\x1b[2J", "***")
