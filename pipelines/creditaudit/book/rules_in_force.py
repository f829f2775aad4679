"""The rule texts in force: those of the last sealed night, changed by what was approved since (SPEC 9)."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from creditaudit.book.files import storage, write_bytes
from creditaudit.book.inbox import flaw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book

RULE_FILE = "rule.sql"


def rules_in_force(book: Book, shipped: Mapping[str, bytes], entries: Iterable[Entry]) -> dict[str, bytes]:
    """Return folder name to rule text.

    Parameters
    ----------
    book : Book
    shipped : mapping
        Folder name to text of the rules that come with the program; a book without a night begins with them. Later, a
        shipped rule that differs, or is new, is in force only once it is approved.
    entries : iterable of Entry
        Tonight's approvals (kind ``rule_approval``, body ``folder`` and ``text``), in their order; one that has a
        flaw changes nothing.
    """
    texts = dict(shipped) if book.last is None else {}
    if book.last is not None:
        for path in sorted((book.folder(book.last) / "rules").glob(f"*/{RULE_FILE}")):
            with storage(path):
                texts[path.parent.name] = path.read_bytes()
    for entry in entries:
        if entry.kind == "rule_approval" and flaw(entry) is None:
            texts[entry.body["folder"]] = entry.body["text"].encode()
    return texts


def write_rules(texts: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """Copy the rule texts into a night; returns folder name to SHA-256."""
    for name, text in sorted(texts.items()):
        write_bytes(folder / name / RULE_FILE, text)
    return {name: hashlib.sha256(text).hexdigest() for name, text in sorted(texts.items())}


def copy_rules(book: Book, night: date) -> None:
    """Make ``reference/rules/`` the copy of a sealed night's rules, for people to read; nothing reads it."""
    target = book.reference / "rules"
    with storage(target):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(book.folder(night) / "rules", target)
