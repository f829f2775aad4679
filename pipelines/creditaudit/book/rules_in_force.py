"""The rule texts in force: those of the last sealed night, changed by what was approved since (SPEC 9)."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from creditaudit.book.files import below, listed, storage, write_bytes
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
        for path in below(book.folder(book.last) / "rules"):
            if path.name != RULE_FILE:
                continue
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
    """Make ``reference/rules/`` the copy of a sealed night's rules, for people to read; nothing reads it.

    Text by text, each by rename and only where it differs: whoever reads it meanwhile finds the old or the new text.
    """
    source, target = book.folder(night) / "rules", book.reference / "rules"
    texts = {path.parent.name: path for path in below(source) if path.name == RULE_FILE}
    for name, path in texts.items():
        with storage(path):
            text = path.read_bytes()
        copy = target / name / RULE_FILE
        with storage(copy):
            if copy.is_file() and copy.read_bytes() == text:
                continue
        fresh = book.unfinished(name)
        write_bytes(fresh, text)
        with storage(copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            fresh.replace(copy)
    for other in listed(target):
        if other.name not in texts:
            with storage(other):
                shutil.rmtree(other) if other.is_dir() else other.unlink()
