"""What else than delivered rows changed from night to night: texts, tables, decisions, the program (SPEC 2, 9)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from creditaudit.audit.everyone import waits
from creditaudit.audit.rulebook import RULE_FILE, in_force, parse_rule
from creditaudit.book.files import storage
from creditaudit.book.inbox import ANSWER, MODEL, REMOVAL, RULE_APPROVAL, taken
from creditaudit.book.reference import TABLES as REFERENCE
from creditaudit.book.reference import read
from creditaudit.book.tombstones import of_manifest
from creditaudit.intake.readmission import KIND as READMISSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book
    from creditaudit.book.tombstones import Tombstone

# One row per night and thing that changed: what it is about is a rule, a reference table, or NULL.
WORLD: Final = pa.schema(
    [
        ("night", pa.date32()),
        *((name, pa.string()) for name in ("cause", "about", "sha256", "entry", "detail")),
    ]
)
# Decisions that are rows, answers or texts are named where those are; a model orders the queue and changes nothing.
_ELSEWHERE: Final = frozenset({ANSWER, MODEL, READMISSION, RULE_APPROVAL, REMOVAL})
RECALL: Final = "recall"
# What each table's rows are called by; how many of them one line names.
_NAMED: Final = {table: columns[0] for table, columns in REFERENCE.items()}
_MOST: Final = 8
_DATES: Final = (("valid_from", "valid_to"), ("in_force_from", "in_force_to"))


def world(book: Book, nights: Sequence[date]) -> pa.Table:
    """Return what changed on each night but the first, against the one before (schema ``WORLD``).

    Parameters
    ----------
    book : Book
        As it was on the last of the nights.
    nights : sequence of date
    """
    entries = {entry.file_name: entry for entry in taken(book)}
    rows: list[dict[str, Any]] = []
    texts: dict[str, Rule] = {}
    for before, night in pairwise(nights):
        inbox = [entries[name] for name in book.manifests[night]["inbox"] if name in entries]
        found = [
            *_judges(book, before, night),
            *_rules(book, before, night, inbox, texts),
            *_tables(book, before, night),
        ]
        found += [_decided(entry) for entry in inbox if entry.kind not in _ELSEWHERE]
        found += [_removed(stone) for stone in of_manifest(night, book.manifests[night])]
        rows += [{"night": night, **one} for one in found]
    return pa.Table.from_pylist(rows, schema=WORLD)


def waiting(book: Book, nights: Sequence[date]) -> pa.Table:
    """Return for how many days rules in force wait for an account before they ask (night, days), by night."""
    texts: dict[str, Rule] = {}
    rows = [
        {"night": night, "days": days}
        for night in nights
        for days in waits(in_force(_texts(book, night, texts), night))
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema([("night", pa.date32()), ("days", pa.int64())]))


def _judges(book: Book, before: date, night: date) -> Iterator[dict[str, Any]]:
    old, new = book.manifests[before], book.manifests[night]
    if old["program"] != new["program"] or old["format"] != new["format"]:
        versions = " > ".join(f"{m['program']['version']} {_short(m['program']['lock_sha256'])}" for m in (old, new))
        yield {"cause": "program", "detail": versions}
    if old["configuration"] != new["configuration"]:
        digests = " > ".join(_short(m["configuration"]) for m in (old, new))
        yield {"cause": "configuration", "sha256": str(new["configuration"]), "detail": digests}
    if old["key"] != new["key"]:
        yield {"cause": "key", "detail": " > ".join(str(m["key"]["key_id"]) for m in (old, new))}


def _rules(
    book: Book, before: date, night: date, inbox: Sequence[Entry], texts: dict[str, Rule]
) -> Iterator[dict[str, Any]]:
    """Yield texts that are others, with the approval, and rules whose days began or ended."""
    old, new = book.manifests[before]["rules"], book.manifests[night]["rules"]
    approved = {str(e.body.get("folder")): e for e in inbox if e.kind == RULE_APPROVAL}
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            entry = approved.get(name)
            yield {
                **{"cause": "rule_text", "about": name.split("_", 1)[0], "sha256": new.get(name)},
                "entry": entry.file_name if entry else None,
                "detail": f"{_short(old.get(name))} > {_short(new.get(name))}",
            }
    was, now = ({rule.rule_id for rule in in_force(_texts(book, one, texts), one)} for one in (before, night))
    for rule_id in sorted(was ^ now):
        yield {"cause": "rule_dates", "about": rule_id, "detail": "begins" if rule_id in now else "ends"}


def _texts(book: Book, night: date, known: dict[str, Rule]) -> list[Rule]:
    """Read the rules of a night's folder; a text is read once, however many nights have it."""
    for name, digest in book.manifests[night]["rules"].items():
        if digest not in known:
            path = book.folder(night) / "rules" / name / RULE_FILE
            with storage(path):
                known[digest] = parse_rule(path.read_bytes(), f"rules/{name}/{RULE_FILE}")
    return [known[digest] for digest in book.manifests[night]["rules"].values()]


def _tables(book: Book, before: date, night: date) -> Iterator[dict[str, Any]]:
    for table in REFERENCE:
        old, new = (read(book.folder(one) / "reference", table) for one in (before, night))
        rows = [{_spelled(row) for row in side.drop_columns(["row"]).to_pylist()} for side in (old, new)]
        differing = sorted({str(row[0]) for row in rows[0] ^ rows[1]})
        if differing or old != new:
            detail = f"{_NAMED[table]} {_listed(differing)}" if differing else "the order of its rows"
            yield {"cause": "table", "about": table, "detail": f"{table}: {detail}"}
        turned = sorted({str(row[_NAMED[table]]) for row in new.to_pylist() if _turns(row, before, night)})
        if turned:
            yield {"cause": "table_dates", "about": table, "detail": f"{table}: {_NAMED[table]} {_listed(turned)}"}


def _spelled(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple("" if cell is None else str(cell) for cell in row.values())


def _turns(row: dict[str, Any], before: date, night: date) -> bool:
    """Say whether a row is in force on one of two nights alone."""
    ends = [(row.get(start), row.get(end)) for start, end in _DATES if start in row]
    return any(_holds(start, end, before) != _holds(start, end, night) for start, end in ends)


def _holds(start: date | None, end: date | None, day: date) -> bool:
    return (start is None or start <= day) and (end is None or day <= end)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


def _decided(entry: Entry) -> dict[str, Any]:
    """Say which decision was taken; who decided and why stand in the entry."""
    cause = "recall" if entry.kind == RECALL else "decision"
    return {"cause": cause, "about": entry.kind, "sha256": entry.sha256, "entry": entry.file_name, "detail": entry.kind}


def _removed(stone: Tombstone) -> dict[str, Any]:
    gone = f"{stone.kind}: {len(stone.files)} files of nights before {stone.before}"
    return {"cause": "removal", "entry": stone.entry, "detail": gone}


def _short(digest: object) -> str:
    return str(digest)[:12] if digest else "none"
