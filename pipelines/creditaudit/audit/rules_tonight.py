"""The rules of a night: those in force, with what was approved since the last one (SPEC 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.audit.rulebook import RULE_FILE, Rule, in_force, parse_rule, shipped_rules
from creditaudit.book.files import below
from creditaudit.book.rules_in_force import rules_in_force, write_rules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book


@dataclass(frozen=True)
class Rulebook:
    """The rules of a night.

    Parameters
    ----------
    every : tuple of Rule
        Also those whose days have not come, or are over.
    in_force : tuple of Rule
        Those that judge tonight.
    digests : dict
        Folder name to SHA-256 of the text, for the manifest.
    unapproved : tuple of str
        Shipped rules that differ from the text in force, or are new, and wait for an approval.
    shadow : tuple of Rule
        Those of them whose days have come: they run in shadow.
    """

    every: tuple[Rule, ...]
    in_force: tuple[Rule, ...]
    digests: dict[str, str]
    unapproved: tuple[str, ...]
    shadow: tuple[Rule, ...]


def rules_tonight(book: Book, entries: Iterable[Entry], night: date, folder: Path) -> Rulebook:
    """Read the rules of a night and copy their texts into ``folder``.

    Parameters
    ----------
    book : Book
    entries : iterable of Entry
        What the night takes of the inbox.
    night : date
    folder : Path
        ``rules/`` of the night that is being written.
    """
    shipped = {
        rule.name: rule.joinpath(RULE_FILE).read_bytes()
        for rule in shipped_rules().iterdir()
        if rule.joinpath(RULE_FILE).is_file()
    }
    texts = rules_in_force(book, shipped, entries)
    digests = write_rules(texts, folder)
    unapproved = tuple(sorted(name for name, text in shipped.items() if texts.get(name) != text))
    every = tuple(parse_rule(text, f"rules/{name}/{RULE_FILE}") for name, text in sorted(texts.items()))
    waiting = tuple(parse_rule(shipped[name], f"rules/{name}/{RULE_FILE}") for name in unapproved)
    return Rulebook(every, in_force(every, night), digests, unapproved, in_force(waiting, night))


def sealed_rules(book: Book, night: date) -> tuple[Rule, ...]:
    """Return the rules that judged a sealed night: of the texts in its folder, those in force."""
    folder = book.folder(night) / "rules"
    parsed = (
        parse_rule(path.read_bytes(), f"rules/{path.parent.name}/{RULE_FILE}")
        for path in below(folder)
        if path.name == RULE_FILE and path.parent.parent == folder
    )
    return in_force(parsed, night)
