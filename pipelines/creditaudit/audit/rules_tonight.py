"""The rules of a night: those in force, with what was approved since the last one (SPEC 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.audit.case_runs import can_be_run
from creditaudit.audit.rulebook import RULE_FILE, Rule, in_force, parse_rule, shipped_rules
from creditaudit.book.files import below
from creditaudit.book.inbox import RULE_APPROVAL
from creditaudit.book.rules_in_force import rules_in_force, write_rules
from creditaudit.errors import UsageError
from creditaudit.masking import without_numbers
from creditaudit.visible import visible

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
    refused : tuple of str
        One sentence for each approval whose text is no rule: what was in force stays so.
    """

    every: tuple[Rule, ...]
    in_force: tuple[Rule, ...]
    digests: dict[str, str]
    unapproved: tuple[str, ...]
    shadow: tuple[Rule, ...]
    refused: tuple[str, ...] = ()


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
    readable, refused = _readable(entries)
    texts = rules_in_force(book, shipped, readable)
    digests = write_rules(texts, folder)
    unapproved = tuple(sorted(name for name, text in shipped.items() if texts.get(name) != text))
    every = tuple(parse_rule(text, f"rules/{name}/{RULE_FILE}") for name, text in sorted(texts.items()))
    waiting = tuple(parse_rule(shipped[name], f"rules/{name}/{RULE_FILE}") for name in unapproved)
    return Rulebook(every, in_force(every, night), digests, unapproved, in_force(waiting, night), tuple(refused))


def _readable(entries: Iterable[Entry]) -> tuple[list[Entry], list[str]]:
    """Leave out approvals that no night can judge by, with one sentence for each (SPEC 9: checked again).

    The entry was checked when it was put there, by the program of that day or by nobody: a text that this one cannot
    read must not stop every night until somebody deletes the file.
    """
    readable, refused = [], []
    for entry in entries:
        why = _text_flaw(entry.body["folder"], entry.body["text"]) if entry.kind == RULE_APPROVAL else None
        if why is None:
            readable.append(entry)
        else:
            refused.append(f"inbox entry {entry.file_name}: {why}")
    return readable, refused


def _text_flaw(folder: str, text: str) -> str | None:
    try:
        rule = parse_rule(text.encode(), f"rules/{folder}/{RULE_FILE}")
    except UsageError as error:
        return f"its text is no rule: {without_numbers(visible(error.why))}"  # which may quote what it is of
    named = f"{rule.rule_id}_{rule.name}"
    if named != folder:
        return f"its text is that of {named}, and it approves {folder}"
    shipped = shipped_rules() / folder / RULE_FILE
    is_shipped = shipped.is_file() and shipped.read_text(encoding="utf-8") == text
    # The tests run the shipped ones; another one nobody may have run yet.
    return (
        None if is_shipped or can_be_run(rule) else "the engine cannot run its text; `creditaudit rules test` says more"
    )


def sealed_rules(book: Book, night: date) -> tuple[Rule, ...]:
    """Return the rules that judged a sealed night: of the texts in its folder, those in force."""
    folder = book.folder(night) / "rules"
    parsed = (
        parse_rule(path.read_bytes(), f"rules/{path.parent.name}/{RULE_FILE}")
        for path in below(folder)
        if path.name == RULE_FILE and path.parent.parent == folder
    )
    return in_force(parsed, night)
