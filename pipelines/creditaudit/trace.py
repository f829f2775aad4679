"""From a finding to the delivered lines and inbox entries that it rests on, and back, in one query (SPEC 1, 9).

A finding rests on every row in force that its judgment read of its account, its person and its notice: a row that is
among them may have made it, and without any of the others it would be judged from the same rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.audit.lineage import build_lineage
from creditaudit.book.files import storage
from creditaudit.book.inbox import taken
from creditaudit.book.state import open_states
from creditaudit.case_view import last_night, no_case
from creditaudit.cases.sealed_cases import open_sealed_cases
from creditaudit.cases.strength import rule_feeds
from creditaudit.engines import engine_aside, quoted
from creditaudit.errors import UsageError
from creditaudit.intake.readmission import label
from creditaudit.tables import CASE_EVENTS, COVERAGE
from creditaudit.trace_sql import STEPS, TRACED, rests_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# One row per finding and line that it rests on. Grain: case_id, rule_id, notice, feed, night, file, row, role.
TRACE: Final = pa.schema(
    [
        *(pa.field(n, pa.string()) for n in ("case_id", "provider_code", "account_code", "subject", "rule_id")),
        pa.field("verdict", pa.string()),
        pa.field("notice_source", pa.string()),  # of the finding; NULL: it names none
        pa.field("notice_id", pa.string()),
        pa.field("role", pa.string()),  # what the line is to the finding: a key of ROLES
        pa.field("feed", pa.string()),  # NULL: an inbox entry that is no row of a feed
        pa.field("night", pa.date32()),  # that read it
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),  # 1-based data row; NULL: the whole file
        pa.field("line", pa.int64()),  # 1-based line; NULL: the whole file
        pa.field("sha256", pa.string()),  # of the file as delivered, or of the entry
        pa.field("entry", pa.string()),  # file of the inbox; NULL: it was delivered
    ]
)

# What a line is to a finding.
ROLES: Final = {
    "account": "the account's own row, under any code of its lineage",
    "linked_account": "an account that its debt or its chain leads to",
    "person_account": "another account of the person, where the rule looks at all of them",
    "opening": "who was seen, and which card was shown",
    "check": "an identity check of the account",
    "notice": "the notice that the finding names",
    "registry": "another row of the person in the two registries: a twin, a withdrawal, a changed name",
    "issuance": "a card of the person",
    "alert": "a fraud alert of the person",
    "impostor": "an entry of the handler in the list",
    "inquiry": "the inquiry itself",
    "rename": "a change of a code of the account",
    "coverage": "a full file that says what is not there",
    "rule_text": "the approval of the text that judged",
    "answer": "an answer that moved the case",
}
_SHA: Final = re.compile("[0-9a-f]{8,64}", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A delivered file, or one line of it.

    Parameters
    ----------
    name : str
        Its label in ``coverage``, with or without its feed before it, or the SHA-256 of its bytes (8 digits or more).
    line : int or None
        1-based; None: any.
    """

    name: str
    line: int | None = None


def trace(book: Book, *, case_id: str | None = None, source: Source | Sequence[Source] | None = None) -> pa.Table:
    """Return what findings rest on: of one case, or all findings that rest on any of some files or lines.

    Of a case without a standing finding those of the last night on which it had some, as of that night.

    Parameters
    ----------
    book : Book
    case_id : str, optional
    source : Source or sequence of Source, optional
        One of the two is given.

    Returns
    -------
    pyarrow.Table
        Schema ``TRACE``, sorted by its columns. **Codes as delivered**, no ID number, name or phone otherwise.

    Raises
    ------
    UsageError
        The book has no sealed night, no such case, or no such file; both or none of the two are given.
    """
    if (case_id is None) == (not source):
        raise UsageError(
            "nothing can be traced", why="exactly one of a case and a file is needed", next_step="name one of them"
        )
    night = last_night(book)
    with engine_aside(reads=book.root) as engine:
        open_sealed_cases(engine, book, night)
        if case_id is not None:
            night = _night_of(engine, book, case_id, night)
        _open(engine, book.then(night), night)
        if case_id is not None:
            where, feeds = f"t.case_id = {quoted(case_id)}", None
        else:
            asked = [_of_source(engine, one) for one in ([source] if isinstance(source, Source) else source or ())]
            where = f"({' OR '.join(f'({condition})' for condition, _ in asked)})"
            feeds = {feed for _, of in asked for feed in of}
        engine.table("rests_on", rests_on(feeds))
        found = engine.fetch(f"{TRACED} WHERE {where} ORDER BY ALL")
    return found.select(TRACE.names).cast(TRACE)


def _night_of(engine: Engine, book: Book, case_id: str, night: date) -> date:
    """Return the last night on which the case had a standing finding; tonight, where it never had one."""
    found = engine.fetch(f"SELECT provider_code, subject FROM last_cases WHERE case_id = {quoted(case_id)}")
    if not found.num_rows:
        raise no_case(engine, case_id)
    of = [(name, "=", found[name][0].as_py()) for name in ("provider_code", "subject")]
    for earlier in reversed(book.sealed):
        path = book.folder(earlier) / "published" / "findings.parquet"
        with storage(path):
            if pq.read_table(path, columns=["rule_id"], filters=of).num_rows:
                return earlier
    return night


def _of_source(engine: Engine, source: Source) -> tuple[str, list[str]]:
    """Return the condition for a file or line, and the feeds that have it; one that the book never read is refused."""
    name = quoted(source.name)
    asked = f"c.file = {name} OR c.feed || '/' || c.file = {name}"
    if _SHA.fullmatch(source.name):
        asked += f" OR starts_with(c.sha256, {name})"
    feeds = engine.fetch(f"SELECT DISTINCT c.feed FROM every_file AS c WHERE {asked} ORDER BY c.feed")
    if not feeds.num_rows:
        near = engine.fetch(f"SELECT feed, file FROM every_file ORDER BY levenshtein(file, {name}), file LIMIT 1")
        hint = f"; did you mean {near['feed'][0]}/{near['file'][0]}?" if near.num_rows else ""
        raise UsageError(
            "the file cannot be traced",
            why=f"no sealed night read a file of that name or SHA-256{hint}",
            next_step="name one of published/coverage.parquet",
        )
    at = f" AND t.line = {source.line}" if source.line is not None else ""
    return f"({asked.replace('c.', 't.')}){at}", feeds["feed"].to_pylist()


def _open(engine: Engine, book: Book, night: date) -> None:
    """Make what the query reads: findings, the rows in force, files, entries."""
    open_sealed_cases(engine, book, night)
    open_states(engine, book)
    build_lineage(engine, night)
    engine.load("rule_feeds", rule_feeds())
    published = [book.folder(day) / "published" for day in book.sealed]
    engine.scan("every_file", [path / "coverage.parquet" for path in published], COVERAGE)
    engine.scan("every_event", [path / "case_events.parquet" for path in published], CASE_EVENTS)
    engine.load("entries", pa.Table.from_pylist(list(_entries(book)), schema=_ENTRIES))
    for name, select in STEPS.items():
        engine.table(name, select)


_ENTRIES = pa.schema([(name, pa.string()) for name in ("entry", "sha256", "label", "rule_id")])


def _entries(book: Book) -> Iterator[dict[str, str | None]]:
    """Yield the inbox entries that sealed nights took; of approvals the last one of each rule has the rule."""
    approved: dict[str, str] = {}
    entries = taken(book)
    for entry in entries:
        if entry.kind == "rule_approval":
            approved[str(entry.body.get("folder", "")).split("_", 1)[0]] = entry.file_name
    for entry in entries:
        rules = [rule for rule, name in approved.items() if name == entry.file_name]
        yield {
            **{"entry": entry.file_name, "sha256": entry.sha256, "label": label(entry.sha256)},
            "rule_id": rules[0] if rules else None,
        }
