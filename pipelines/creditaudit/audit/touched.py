"""Who is touched tonight: persons and account codes that tonight's rows name, or that the rows replaced by them named.

SPEC 2 asks that judging those who are touched, and what hangs on them, gives the outcome of judging everyone. What
hangs on them is found in ``audit/scope.py``; what touches everyone in ``audit/everyone.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from creditaudit.audit.absent import MOVED
from creditaudit.audit.everyone import covered_rules, waits
from creditaudit.book.files import storage
from creditaudit.book.state import TABLES, open_state
from creditaudit.book.state_files import state_files
from creditaudit.feeds import FEEDS
from creditaudit.feeds.retention import TEN_YEARS_FROM, kept_since
from creditaudit.tables import CLEARANCES, FINDINGS, INSTITUTIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# Feeds whose rows are a person's.
_BY_PERSON = tuple(name for name, spec in FEEDS.items() if "id_norm" in spec.schema.names and name != "impostors")


# Whose rows of tonight are read also where there is none; of all other tables only those in ``Changes.changed`` are.
_ALWAYS_READ = ("accounts", "inquiries")


@dataclass(frozen=True)
class Changes:
    """What tonight changed in the book, as relations that the engine has.

    ``changed_<table>`` has tonight's rows in force of a table that is in ``changed`` (of accounts and
    inquiries: always), ``replaced_<feed>`` what the rows that they replace pointed to (``intake.keys.POINTERS``),
    ``previous_findings`` what the last night published, ``account_renames_before`` the renames as it left them.

    Parameters
    ----------
    night, last : date
        Tonight and the night before it.
    changed : collection of str
        Tables that have a row tonight: the others are not asked. ``absences_moved`` is one.
    covered_rules : sequence of str
        Rules whose findings hang on full issuances files.
    waits : sequence of int
        Days after which an inquiry is asked for its account: it is touched on the night when more have passed (R401).
    accounts : int
        Rows of accounts in the book, more or less: to tell whether judging everyone would be less work.
    recalled : collection of str
        Feeds whose rows a recall of tonight changes: ``changed_<feed>`` has these too, as they were and as they are.
    """

    night: date
    last: date
    changed: Collection[str]
    covered_rules: Sequence[str]
    waits: Sequence[int] = ()
    accounts: int = 0
    recalled: Collection[str] = ()


def open_changes(
    engine: Engine, book: Book, night: date, tonight: Mapping[str, Sequence[Path]], rules: Sequence[Rule]
) -> Changes:
    """Name what tonight changed as relations (:class:`Changes`).

    Parameters
    ----------
    engine : Engine
        Has ``replaced_<feed>`` of every feed, and what :func:`creditaudit.audit.absent.leave_out` made.
    book : Book
        With at least one night.
    night : date
    tonight : mapping
        Table of the state to the files of tonight's rows in force.
    rules : sequence of Rule
        Those in force.
    """
    last = book.sealed[-1]
    turned = book.recalled | (frozenset(book.restated) & _TURNED)
    for table in TABLES:
        if tonight.get(table) or table in _ALWAYS_READ or table in turned:
            engine.scan(f"changed_{table}", list(tonight.get(table, ())), TABLES[table].schema)
        if table in turned:
            _with_turned(engine, table)
    before = book.folder(last) / "published"
    engine.scan("previous_findings", [before / "findings.parquet"], FINDINGS)
    engine.scan("previous_clearances", [before / "clearances.parquet"], CLEARANCES)
    engine.scan("previous_institutions", [before / "institutions.parquet"], INSTITUTIONS)
    open_state(engine, book, "account_renames", "account_renames_before")
    complete, changes = state_files(book, "accounts")
    accounts = 0
    for path in (*complete, *changes):
        with storage(path):
            accounts += pq.ParquetFile(path).metadata.num_rows
    changed = {table for table, files in tonight.items() if files} | turned
    if engine.fetch(f"SELECT count(*) AS n FROM {MOVED}")["n"][0].as_py():
        changed.add(MOVED)
    return Changes(night, last, frozenset(changed), covered_rules(rules), waits(rules), accounts, book.recalled)


# Tables beside the feeds by whose rows somebody is touched.
_TURNED = frozenset({"full_deliveries", "quarantined_numbers", "opening_changes"})


def _with_turned(engine: Engine, table: str) -> None:
    """Add to what came tonight the rows that a recall takes away or gives back: whose they are is touched."""
    columns = ", ".join(TABLES[table].schema.names)
    engine.table(
        f"changed_{table}",
        f"SELECT {columns} FROM changed_{table} UNION ALL SELECT {columns} FROM turned_{table}",
    )


def touch(engine: Engine, changes: Changes) -> int:
    """Make ``touched_people`` (id_norm) and ``touched_codes`` (provider_code, account_code), each row once.

    A code need not have a row of ``accounts``, nor a person an account. Returns how many persons there are.
    """
    people = engine.table(
        "touched_people", f"SELECT DISTINCT id_norm FROM ({_union(_people(changes), 'id_norm')}) AS p"
    )
    parts = _codes(changes) + _session_codes(engine, changes) + _handler_codes(engine, changes)
    parts += _covered_codes(changes)
    engine.table(
        "touched_codes",
        f"SELECT DISTINCT provider_code, account_code FROM ({_union(parts, 'provider_code', 'account_code')}) AS c"
        " WHERE provider_code IS NOT NULL AND account_code IS NOT NULL",
    )
    return people


def _union(parts: Sequence[str], *columns: str) -> str:
    nothing = f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {c}' for c in columns)} WHERE 1 = 0"
    return " UNION ALL ".join((nothing, *parts))


def _people(changes: Changes) -> list[str]:
    """Select persons of tonight's rows, of the rows that they replace, and of inquiries that wait no longer."""
    parts = [
        f"SELECT id_norm FROM {kind}_{feed}"
        for feed in _BY_PERSON
        if feed in changes.changed
        for kind in (("changed",) if feed == "issuances" else ("changed", "replaced"))
    ]
    if "quarantined_numbers" in changes.changed:
        parts.append("SELECT id_norm FROM changed_quarantined_numbers")
    if "readmitted_rows" in changes.changed:  # a number that hides no more
        parts.append(
            "SELECT q.id_norm FROM every_quarantined_numbers AS q JOIN changed_readmitted_rows AS r"
            " ON r.replaces_night = q.night AND r.feed = q.feed"
            " AND r.replaces_file = q.file AND r.replaces_row = q.row"
        )
    if MOVED in changes.changed:
        parts.append(f"SELECT id_norm FROM {MOVED}")
    for days in changes.waits:
        first, end = (day - timedelta(days=days) for day in (changes.last, changes.night))
        parts.append(
            "SELECT id_norm FROM standing_inquiries"
            f" WHERE inquired_from >= TIMESTAMP '{first} 00:00:00' AND inquired_from < TIMESTAMP '{end} 00:00:00'"
        )
    return parts


def _codes(changes: Changes) -> list[str]:
    """Select codes that tonight's rows name, or named before, and renames that come into force."""
    named = ("openings", "opening_changes", "verifications", "objections")
    parts = [  # a recall may leave an account without a row: its code alone says that it was judged
        f"SELECT provider_code, account_code FROM changed_{table}"
        for table in (*named, *({"accounts"} & set(changes.recalled)))
        if table in changes.changed
    ]
    parts += [
        f"SELECT provider_code, account_code FROM replaced_{table}"
        for table in ("verifications", "objections")
        if table in changes.changed
    ]
    if MOVED in changes.changed:
        parts.append(f"SELECT provider_code, account_code FROM {MOVED}")
    ends = "SELECT COALESCE(new_provider_code, provider_code) AS provider_code, new_account_code AS account_code FROM"
    starts = "SELECT provider_code, old_account_code AS account_code FROM"
    if "account_renames" in changes.changed:
        parts += [f"{starts} changed_account_renames", f"{ends} changed_account_renames"]
        parts.append(f"{ends} replaced_account_renames")
    begins = f" WHERE effective_on > DATE '{changes.last}' AND effective_on <= DATE '{changes.night}'"
    return [*parts, *(f"{side} standing_account_renames{begins}" for side in (starts, ends))]


def _session_codes(engine: Engine, changes: Changes) -> list[str]:
    """Select the accounts whose opening has the session of a check that came, changed or went elsewhere tonight."""
    if "verifications" not in changes.changed:
        return []
    found = engine.table(
        "touched_sessions",
        "SELECT provider_code, session_id FROM changed_verifications WHERE session_id IS NOT NULL"
        " UNION SELECT provider_code, session_id FROM replaced_verifications WHERE session_id IS NOT NULL",
    )
    return [_openings_of("touched_sessions", "provider_code", "session_id")] if found else []


def _handler_codes(engine: Engine, changes: Changes) -> list[str]:
    """Select the accounts whose handler is an impostor that came, changed or was another number tonight (SPEC 2)."""
    if "impostors" not in changes.changed:
        return []
    engine.table(
        "touched_handlers",
        "SELECT id_norm AS handler_id_norm FROM changed_impostors UNION SELECT id_norm FROM replaced_impostors",
    )
    return [_openings_of("touched_handlers", "handler_id_norm")]


def _openings_of(relation: str, *columns: str) -> str:
    on = " AND ".join(f"t.{column} = o.{column}" for column in columns)
    return f"SELECT o.provider_code, o.account_code FROM standing_openings AS o JOIN {relation} AS t ON {on}"


def _covered_codes(changes: Changes) -> list[str]:
    """Select the accounts with a finding that a full delivery of tonight can turn.

    A full issuances file answers for collections of everyone (R102), a full verifications file for the checks of its
    institution (SPEC 7.3); a gap of such a file that is repaired does, too.
    """
    parts: list[str] = []
    if "full_deliveries" in changes.changed:
        rules = ", ".join(f"'{rule_id}'" for rule_id in changes.covered_rules)
        if rules:
            parts.append(
                f"SELECT provider_code, account_code FROM previous_findings WHERE rule_id IN ({rules})"
                " AND EXISTS (SELECT 1 FROM changed_full_deliveries AS d WHERE d.feed = 'issuances')"
            )
        parts.append(
            "SELECT provider_code, account_code FROM previous_findings AS f WHERE EXISTS"
            " (SELECT 1 FROM changed_full_deliveries AS d"
            " WHERE d.feed = 'verifications' AND d.provider_code = f.provider_code)"
        )
    if "readmitted_rows" in changes.changed:
        parts.append(
            "SELECT provider_code, account_code FROM previous_findings AS f WHERE EXISTS"
            " (SELECT 1 FROM standing_full_deliveries AS d JOIN changed_readmitted_rows AS r"
            " ON r.feed = d.feed AND r.replaces_night = d.night AND r.replaces_file = d.file"
            " WHERE d.feed = 'verifications' AND d.provider_code = f.provider_code)"
        )
    return parts


def beyond_retention(last: date, night: date) -> str:
    """Return SQL that is TRUE for a ``closed_on`` whose records need not be kept any more, since last night (7.3)."""
    windows = [
        f"(closed_on >= DATE '{kept_since(last, years)}' AND closed_on < DATE '{kept_since(night, years)}'"
        f" AND closed_on {side} DATE '{TEN_YEARS_FROM}')"
        for years, side in ((5, "<"), (10, ">="))
    ]
    return f"COALESCE({' OR '.join(windows)}, FALSE)"
