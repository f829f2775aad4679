"""The rule texts in force: the last sealed night's, changed by tonight's approvals (SPEC 9)."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

from creditaudit.book.inbox import Entry
from creditaudit.book.layout import Book
from creditaudit.book.rules_in_force import copy_rules, rules_in_force, write_rules

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = {"R101_a": b"new 101", "R102_b": b"new 102"}
NIGHT = date(2026, 11, 20)


def approval(folder: str, text: str, kind: str = "rule_approval") -> Entry:
    return Entry(NIGHT, kind, "x", "", {"folder": folder, "text": text}, "0")


def book_with(root: Path, **texts: str) -> Book:
    book = Book(root)
    for name, text in texts.items():
        path = book.folder(NIGHT) / "rules" / name / "rule.sql"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return book


def test_a_first_book_begins_with_the_shipped_rules(tmp_path: Path) -> None:
    assert rules_in_force(Book(tmp_path), SHIPPED, []) == SHIPPED


def test_a_changed_or_new_shipped_rule_waits_for_approval(tmp_path: Path) -> None:
    book = book_with(tmp_path, R101_a="old 101", R100_gone="no longer shipped")
    assert rules_in_force(book, SHIPPED, []) == {"R101_a": b"old 101", "R100_gone": b"no longer shipped"}


def test_tonights_approvals_change_the_texts_the_last_one_counts(tmp_path: Path) -> None:
    book = book_with(tmp_path, R101_a="old 101")
    entries = [approval("R101_a", "between"), approval("R101_a", "规则"), approval("R102_b", "102")]
    assert rules_in_force(book, SHIPPED, entries) == {"R101_a": "规则".encode(), "R102_b": b"102"}


def test_entries_of_another_kind_change_no_rule(tmp_path: Path) -> None:
    book = book_with(tmp_path, R101_a="old 101")
    assert rules_in_force(book, SHIPPED, [approval("R101_a", "x", kind="answer")]) == {"R101_a": b"old 101"}


def test_the_texts_are_copied_byte_for_byte_with_their_hashes(tmp_path: Path) -> None:
    texts = {"R102_b": "零二\r\n".encode(), "R101_a": b"one"}
    digests = write_rules(texts, tmp_path)
    assert {p.parent.name: p.read_bytes() for p in tmp_path.glob("*/rule.sql")} == texts
    assert list(digests.items()) == [(name, hashlib.sha256(texts[name]).hexdigest()) for name in sorted(texts)]


def test_the_copy_for_people_follows_the_sealed_night(tmp_path: Path) -> None:
    book = book_with(tmp_path, R101_a="sealed")
    stale = book.reference / "rules" / "R999_z" / "rule.sql"
    stale.parent.mkdir(parents=True)
    stale.write_text("edited by hand", encoding="utf-8")
    copy_rules(book, NIGHT)
    found = {p.parent.name: p.read_text(encoding="utf-8") for p in (book.reference / "rules").glob("*/rule.sql")}
    assert found == {"R101_a": "sealed"}
    assert rules_in_force(Book(tmp_path), SHIPPED, []) == {"R101_a": b"sealed"}
