"""Asking the engine: one pass counts everything, and only what failed is looked for row by row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.contracts.compiler import Check, Shape, rows_seen
from creditaudit.engines import quoted
from creditaudit.errors import InternalError, StorageError
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from creditaudit.contracts.compiler import Compiled
    from creditaudit.engines import Engine
    from creditaudit.feeds import TableSpec

# Bad rows named in a result; as many as Great Expectations names in its summaries.
PLACES = 20

# Columns with few different values: a regex is asked of each value once, not of each row (a quarter of the time).
_FEW = frozenset({"provider_code", "region_code", "currency", "business_code", "status", "report_reason", "id_type"})

# Engine and regex that it is known to read: nothing that a later night of the process need ask again.
_READ: set[tuple[str, str]] = set()

_PRESENT = re.compile(r"(\w+) IS NOT NULL")


@dataclass(frozen=True)
class Outcome:
    """What came of one check.

    Parameters
    ----------
    check : Check
    total : int
        Rows that it is about.
    considered : int
        Those that are judged.
    bad : int
        Those that are bad.
    observed : int, float or None
        ``Shape.NUMBER``: the number; None: there is none.
    places : tuple of (str, int)
        File and row of the first ``PLACES`` bad rows.
    crash : str or None
        What kind of error the engine gave: the check was not made, and nothing is known of the rows.
    """

    check: Check
    total: int = 0
    considered: int = 0
    bad: int = 0
    observed: float | None = None
    places: tuple[tuple[str, int], ...] = ()
    crash: str | None = None

    @property
    def success(self) -> bool:
        """Whether the check was made and the rows meet it."""
        if self.crash is not None:
            return False
        if self.check.shape is Shape.NUMBER:
            return self.bad == 0
        return self.considered == 0 or (self.considered - self.bad) / self.considered >= self.check.mostly

    @property
    def failed(self) -> bool:
        """Whether the check was made and the rows do not meet it."""
        return self.crash is None and not self.success


def ask(engine: Engine, compiled: Compiled, parts: Sequence[Path]) -> list[Outcome]:
    """Ask every expectation of a suite.

    Parameters
    ----------
    engine : Engine
    compiled : Compiled
    parts : sequence of Path
        Accepted rows of the feed.

    Returns
    -------
    list of Outcome
        In the order of the suite. A check that the engine could not make is told apart by ``crash``; the others are
        made nevertheless.
    """
    feed = compiled.suite.feed
    scanned = f"contract_parts_{feed}"
    engine.scan(scanned, parts, FEEDS[feed].schema)
    try:
        return ask_rows(engine, compiled, scanned, FEEDS[feed])
    finally:
        engine.drop(scanned)


def ask_rows(engine: Engine, compiled: Compiled, relation: str, spec: TableSpec) -> list[Outcome]:
    """Ask every expectation of a suite of a relation with the schema of ``spec``; as :func:`ask` does."""
    rows = f"contract_{compiled.suite.feed}"
    engine.view(rows, rows_seen(spec, relation))
    try:
        return _ask_together(engine, rows, compiled.checks)
    except StorageError:
        raise
    except InternalError:
        return [_ask_alone(engine, rows, check) for check in compiled.checks]
    finally:
        engine.drop(rows)


def _ask_alone(engine: Engine, rows: str, check: Check) -> Outcome:
    """Ask one check; a crash is its own."""
    try:
        return _ask_together(engine, rows, (check,))[0]
    except StorageError:
        raise
    except InternalError as error:
        return Outcome(check, crash=error.why.split(" in: ")[0])


def _ask_together(engine: Engine, rows: str, checks: Sequence[Check]) -> list[Outcome]:
    """Count for all checks in one pass, then look at what failed."""
    numbers: dict[str, int] = {}  # SQL of a number → its place in the select list
    for check in checks:
        for sql in _numbers(check, rows):
            numbers.setdefault(sql, len(numbers))
    found: list[Any] = []
    if numbers:
        listed = ", ".join(f"{sql} AS n{place}" for sql, place in numbers.items())
        row = engine.fetch(f"SELECT {listed} FROM {rows}").to_pylist()[0]
        found = [row[f"n{place}"] for place in range(len(numbers))]
    outcomes = []
    for check in checks:
        values = [found[numbers[sql]] for sql in _numbers(check, rows)]
        outcomes.append(_OUTCOMES[check.shape](engine, rows, check, values))
    return outcomes


def _numbers(check: Check, rows: str) -> list[str]:
    """Return the SQL of what must be counted for a check."""
    if check.shape is Shape.SCHEMA:
        return []
    if check.shape is Shape.NUMBER:
        return [check.observed, check.bad]
    total, considered = _count(check.about), _count(check.about, check.considered)
    if check.shape is Shape.DUPLICATES:
        return [total, considered, _distinct(check)]
    if "regex" in check.kwargs and check.about == "TRUE" and _FEW.issuperset(check.columns):
        values = f"SELECT {check.columns[0]}, count(*) AS copies FROM {rows} GROUP BY {check.columns[0]}"
        bad = f"SELECT sum(copies) FROM ({values}) AS v WHERE {_all(check.considered, check.bad)}"
        return [total, considered, f"COALESCE(CAST(({bad}) AS BIGINT), 0)"]
    return [total, considered, _count(check.about, check.considered, check.bad)]


def _count(*conditions: str) -> str:
    """Return SQL that counts rows; of the ways to write it this one costs least (a FILTER twice as much)."""
    wanted = _all(*conditions)
    present = _PRESENT.fullmatch(wanted)
    if present:
        return f"count({present[1]})"
    return "count(*)" if wanted == "TRUE" else f"count(CASE WHEN {wanted} THEN 1 END)"


def _rows_outcome(engine: Engine, rows: str, check: Check, values: list[Any]) -> Outcome:
    total, considered, bad = values
    places = _places(engine, bad_rows(check, rows)) if bad else ()
    return Outcome(check, total, considered, bad, places=places)


def _distinct(check: Check) -> str:
    """Return SQL that counts different keys by a hash: an eighth of the memory that the keys themselves would take."""
    wanted = _all(check.about, check.considered)
    hashed = f"hash({check.bad})"
    return f"count(DISTINCT {hashed if wanted == 'TRUE' else f'CASE WHEN {wanted} THEN {hashed} END'})"


def _duplicates_outcome(engine: Engine, rows: str, check: Check, values: list[Any]) -> Outcome:
    total, considered, distinct = values
    if considered == distinct:  # as many hashes as rows: no key twice; the keys are only compared otherwise
        return Outcome(check, total, considered)
    query = bad_rows(check, rows)
    bad = int(engine.fetch(f"SELECT count(*) AS n FROM ({query}) AS b")["n"][0].as_py())
    return Outcome(check, total, considered, bad, places=_places(engine, query) if bad else ())


def _number_outcome(engine: Engine, rows: str, check: Check, values: list[Any]) -> Outcome:
    del engine, rows
    observed, is_bad = values
    return Outcome(check, bad=int(is_bad or 0), observed=observed)


def _schema_outcome(engine: Engine, rows: str, check: Check, values: list[Any]) -> Outcome:
    del engine, rows, values
    is_bad = check.bad == "TRUE"
    return Outcome(check, total=1, considered=1, bad=int(is_bad))


_OUTCOMES = {
    Shape.ROWS: _rows_outcome,
    Shape.DUPLICATES: _duplicates_outcome,
    Shape.NUMBER: _number_outcome,
    Shape.SCHEMA: _schema_outcome,
}


def bad_rows(check: Check, rows: str) -> str:
    """Return a query of file and row of the bad rows of a check."""
    if check.shape is Shape.DUPLICATES:
        return (
            f"SELECT file, row FROM (SELECT file, row, count(*) OVER (PARTITION BY {check.bad}) AS copies"
            f" FROM {rows} WHERE {_all(check.about, check.considered)}) AS c WHERE copies > 1"
        )
    return f"SELECT file, row FROM {rows} WHERE {_all(check.about, check.considered, check.bad)}"


def _all(*conditions: str) -> str:
    return " AND ".join(c for c in conditions if c != "TRUE") or "TRUE"


def _places(engine: Engine, query: str) -> tuple[tuple[str, int], ...]:
    found = engine.fetch(f"SELECT file, row FROM ({query}) AS b ORDER BY file, row LIMIT {PLACES}")
    return tuple((r["file"], r["row"]) for r in found.to_pylist())


def check_patterns(engine: Engine, suites: Iterable[Compiled]) -> None:
    """Let the engine read every regex before the night's work, so that one it cannot read is the suite's mistake.

    Raises
    ------
    UsageError
        Names the file and the expectation.
    """
    asked = [
        (compiled, number, check)
        for compiled in suites
        for number, check in enumerate(compiled.checks, start=1)
        if "regex" in check.kwargs and (engine.name, check.kwargs["regex"]) not in _READ
    ]
    if asked and not _is_read(engine, [check.kwargs["regex"] for _, _, check in asked]):
        for compiled, number, check in asked:
            if not _is_read(engine, [check.kwargs["regex"]]):
                why = f"expectation {number} ({check.expectation.type}): the engine cannot read its regex"
                raise compiled.suite.refused(why)
    _READ.update((engine.name, check.kwargs["regex"]) for _, _, check in asked)


def _is_read(engine: Engine, patterns: Iterable[str]) -> bool:
    matches = ", ".join(f"regexp_matches('', {quoted(p)}) AS p{n}" for n, p in enumerate(dict.fromkeys(patterns)))
    try:
        engine.fetch(f"SELECT {matches}")
    except StorageError:
        raise
    except InternalError:
        return False
    return True
