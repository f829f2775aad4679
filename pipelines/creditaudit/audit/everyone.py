"""When everyone is judged, not only who is touched: whatever judges has changed, or nothing was judged yet (SPEC 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from creditaudit.audit.rulebook import RULE_FILE, shipped_rules
from creditaudit.book.files import storage
from creditaudit.book.reference import TABLES as REFERENCE
from creditaudit.book.reference import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.layout import Book

# What must be as it was for the last night's judgment to be worth as much as tonight's.
MANIFEST_PARTS = ("format", "program", "configuration", "key", "rules")

# Reference tables that judge nobody: they say who gets what, and by when.
_ADDRESSES = frozenset({"recipients", "clocks", "remedies"})

# Inbox entries of which this module knows whom they touch. Any other kind may touch anybody. Answers and smaller bases
# move cases and judge nobody; an account that is judged no more since its case was verified is touched by that.
_KNOWN_ENTRIES = frozenset({"answer", "readmission", "recall", "rule_approval", "smaller_base"})

# The shipped rule whose findings hang on full issuances deliveries: it has one whether they cover the days or not.
_COVERED_RULES = frozenset({"R102"})
_COVERED = "collection_covered"

# By this column a rule knows tonight's date: it waits for days that its parameters tell.
_TONIGHT = "night_on"


@dataclass(frozen=True)
class Judging:
    """What judges tonight, to be compared with what judged the last night.

    Parameters
    ----------
    night : date
    manifest : mapping
        The parts of tonight's manifest that are known before the judgment: those of ``MANIFEST_PARTS``.
    rules : sequence of Rule
        Every rule in the night's folder, in force tonight or not.
    reference : Path
        Tonight's copy of the reference tables.
    entries : sequence of str
        Kinds of the inbox entries that tonight takes.
    shadow : sequence of Rule
        Changed texts that run in shadow: their difference is told over everyone.
    """

    night: date
    manifest: Mapping[str, Any]
    rules: Sequence[Rule]
    reference: Path
    entries: Sequence[str]
    shadow: Sequence[Rule] = ()


def why_everyone(book: Book, judging: Judging) -> str | None:
    """Say why everyone must be judged tonight; None where those who are touched are enough.

    The answer may only err towards everyone: the outcome is the same, it takes longer.
    """
    if book.last is None:
        return "first night"
    before = book.manifests[book.last]
    for part in MANIFEST_PARTS:
        if judging.manifest[part] != before.get(part):
            return f"{part} changed"
    unknown = sorted(set(judging.entries) - _KNOWN_ENTRIES)
    if unknown:
        return f"inbox entries of kind {', '.join(unknown)}"
    for table in sorted(set(REFERENCE) - _ADDRESSES):
        if _bytes(judging.reference, table) != _bytes(book.folder(book.last) / "reference", table):
            return f"reference table {table} changed"
    if _institutions_change(read(judging.reference, "institutions"), book.last, judging.night):
        return "an institution began or ended"
    return _why_rules(judging, book.last)


def _bytes(folder: Path, table: str) -> bytes | None:
    path = folder / f"{table}.csv"
    with storage(path):
        return path.read_bytes() if path.is_file() else None


def _institutions_change(institutions: pa.Table, last: date, night: date) -> bool:
    """Say whether a row of an institution is in force on one of the two nights alone: groups are taken by the night."""
    begins = pc.and_(pc.greater(institutions["valid_from"], last), pc.less_equal(institutions["valid_from"], night))
    ends = pc.and_(pc.greater_equal(institutions["valid_to"], last), pc.less(institutions["valid_to"], night))
    return bool(pc.any(pc.or_(begins.fill_null(False), ends.fill_null(False))).as_py())  # noqa: FBT003


def _why_rules(judging: Judging, last: date) -> str | None:
    """Look for rules that begin or end tonight, and for texts of which it is not known what they look at.

    The shipped texts look at an account, its person, and the accounts that it reaches; a text of the house may look
    anywhere. Parameters are in the header, so changing one makes no other text.
    """
    shipped = {
        folder.name.split("_", 1)[0]: _body(folder.joinpath(RULE_FILE).read_text(encoding="utf-8"))
        for folder in shipped_rules().iterdir()
        if folder.joinpath(RULE_FILE).is_file()
    }
    if judging.shadow:
        return f"{', '.join(rule.rule_id for rule in judging.shadow)} runs in shadow"
    for rule in judging.rules:
        if _in_force(rule, last) != _in_force(rule, judging.night):
            return f"rule {rule.rule_id} begins or ends"
        if not _in_force(rule, judging.night):
            continue
        if _body(rule.text) != shipped.get(rule.rule_id):
            return f"rule {rule.rule_id} has a text of the house"
        if _COVERED in _body(rule.text) and rule.rule_id not in _COVERED_RULES:
            return f"rule {rule.rule_id} asks what a full issuances file covers"
    return None


def _in_force(rule: Rule, night: date) -> bool:
    begun = rule.effective_from is None or rule.effective_from <= night
    return begun and (rule.effective_to is None or night <= rule.effective_to)


def _body(text: str) -> str:
    """Return a rule's text without its header."""
    return text.split("*/", 1)[-1]


def covered_rules(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return the rules whose findings change when a full issuances file arrives, sorted."""
    return tuple(sorted(rule.rule_id for rule in rules if _COVERED in _body(rule.text)))


def waits(rules: Iterable[Rule]) -> tuple[int, ...]:
    """Return the days that rules wait before they ask what has come of something, sorted."""
    waiting = (rule for rule in rules if _TONIGHT in _body(rule.text))
    return tuple(sorted({param.value for rule in waiting for param in rule.params if param.unit == "day"}))
