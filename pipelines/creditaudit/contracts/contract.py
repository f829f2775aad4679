"""The contract stage of a night: promises verified, warnings collected, results written to be sealed (SPEC 2, 3.4)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from creditaudit.book.files import listed, write_bytes
from creditaudit.contracts.asking import Outcome, ask, check_patterns
from creditaudit.contracts.compiler import Compiled, Shape, compile_suite
from creditaudit.contracts.history import LOOK_BACK, PROFILE_NAME, compare, limits_of, profile, write_profile
from creditaudit.contracts.reference_tables import ask_tables, compiled_tables, require_usable
from creditaudit.contracts.results import suite_result
from creditaudit.contracts.suite import suites_in_force
from creditaudit.errors import InternalError, Where
from creditaudit.masking import line_with_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# Where a night keeps its results, and where the suites that judged it.
RESULTS = "contracts"
SUITES = "reference/contracts"


@dataclass(frozen=True)
class Contract:
    """The suites in force in one night.

    Parameters
    ----------
    night : date
    compiled : dict
        Feed to its compiled suite, in feed order.
    tables : dict
        Reference table to its compiled suite and what came of it.
    """

    night: date
    compiled: dict[str, Compiled]
    tables: dict[str, tuple[Compiled, list[Outcome]]] = field(default_factory=dict)


def open_contract(engine: Engine, book: Book, night: date, folder: Path) -> Contract:
    """Read, check and compile the suites in force, and copy them into the night.

    Parameters
    ----------
    engine : Engine
        Reads every regex once.
    book : Book
    night : date
    folder : Path
        The night's folder while it is written; the copies of the reference tables are there, and are asked now.

    Raises
    ------
    UsageError
        A suite cannot be used, or a reference table fails a critical expectation; no delivery has been read yet.
    """
    compiled = {feed: compile_suite(suite, night) for feed, suite in suites_in_force(book, night).items()}
    tables = compiled_tables(book, night)
    for feed, each in (compiled | tables).items():
        if feed in compiled:
            limits_of(each.suite)
        if line_with_number(json.dumps(each.suite.content, ensure_ascii=False)) is not None:
            raise each.suite.refused("it holds what reads as an ID number or a phone, and is copied into every night")
        write_bytes(folder / SUITES / feed / f"v{each.suite.version}.json", each.suite.data)
    check_patterns(engine, [*compiled.values(), *tables.values()])
    outcomes = ask_tables(engine, tables, folder / "reference", night)
    for table, each in tables.items():
        require_asked(each, outcomes[table])
        require_usable(each, outcomes[table], [_said(o) for o in outcomes[table]])
    return Contract(night, compiled, {table: (each, outcomes[table]) for table, each in tables.items()})


def hold(engine: Engine, contract: Contract, book: Book, folder: Path, kinds: Mapping[str, str]) -> list[str]:
    """Ask the contract of what the night accepted, and write the results.

    Writes ``contracts/<feed>.json`` for each feed of which a file was read, the same for each reference table that has
    a suite, and ``contracts/profile.parquet``. A feed that did not come has no result: nothing was asked, so nothing
    passed.

    Parameters
    ----------
    engine : Engine
    contract : Contract
    book : Book
        As the last sealed night left it: its profiles are compared with.
    folder : Path
        The night's folder while it is written; ``intake/<feed>/`` is there.
    kinds : mapping
        ``<feed>/<file>`` of every file that is not refused, to its kind (full, delta).

    Returns
    -------
    list of str
        Warnings of tier 3, in a fixed order.

    Raises
    ------
    InternalError
        A check could not be made, or a promise of the intake does not hold.
    """
    feeds = [feed for feed in contract.compiled if any(name.startswith(f"{feed}/") for name in kinds)]
    parts = {feed: listed(folder / "intake" / feed) for feed in feeds}
    suites = {feed: contract.compiled[feed].suite for feed in feeds}
    outcomes = {feed: ask(engine, contract.compiled[feed], parts[feed]) for feed in feeds}
    for feed in feeds:
        require_asked(contract.compiled[feed], outcomes[feed])
    for feed in feeds:
        require_kept(contract.compiled[feed], outcomes[feed])
    tonight = profile(engine, suites, parts=parts, kinds=kinds, night=contract.night)
    write_profile(folder / RESULTS / PROFILE_NAME, tonight)
    far = compare(engine, suites, tonight, _profiles_before(book))
    said: list[str] = []
    for table, (compiled, found) in contract.tables.items():
        write_bytes(folder / RESULTS / f"{table}.json", suite_result(compiled, found, contract.night, []))
        said += _warnings(compiled, found)
    for feed in feeds:
        compiled = contract.compiled[feed]
        moved = far.get(feed, [])
        data = suite_result(compiled, outcomes[feed], contract.night, moved)
        write_bytes(folder / RESULTS / f"{feed}.json", data)
        said += [*_warnings(compiled, outcomes[feed]), *moved]
    return said


def require_asked(compiled: Compiled, outcomes: Sequence[Outcome]) -> None:
    """Refuse to go on where a check was not made: nothing is known then, neither good nor bad.

    Raises
    ------
    InternalError
        Names the suite, the expectation and the kind of error.
    """
    crashed = [o for o in outcomes if o.crash is not None]
    if crashed:
        raise InternalError(
            "a check of the contract could not be made",
            why=f"{crashed[0].check.name} crashed: {crashed[0].crash}; this says nothing about the rows",
            next_step="run the night again; if it stays, report it with the suite's file",
            where=Where(compiled.suite.place),
        )


def require_kept(compiled: Compiled, outcomes: Sequence[Outcome]) -> None:
    """Refuse to go on where a critical expectation fails: the intake promises that it never does.

    Raises
    ------
    InternalError
        Names the suite, the expectation, how many rows fail, and the first of them.
    """
    broken = [o for o in outcomes if o.failed and o.check.expectation.severity == "critical"]
    if broken:
        raise InternalError(
            "what the intake promises of the accepted rows does not hold",
            why=f"{_said(broken[0])}; {len(broken)} critical expectations fail",
            next_step="report it; an expectation of your own that the intake does not promise is a 'warning'",
            where=Where(compiled.suite.place),
        )


def kinds_of(files: Iterable[tuple[str, str, str | None]]) -> dict[str, str]:
    """Return ``<feed>/<file>`` to kind, from (feed, file, kind); without a kind a file is a delta (SPEC 3.1)."""
    return {f"{feed}/{name}": kind or "delta" for feed, name, kind in files}


def _warnings(compiled: Compiled, outcomes: Sequence[Outcome]) -> list[str]:
    failed = [o for o in outcomes if o.failed and o.check.expectation.severity == "warning"]
    return [f"{compiled.suite.feed}: {_said(o)}" for o in failed]


def _said(outcome: Outcome) -> str:
    check = outcome.check
    if check.shape is Shape.NUMBER:
        return f"{check.name} is not met: {outcome.observed}"
    if not outcome.places:
        return f"{check.name} is not met"
    file, row = outcome.places[0]
    wanted = "" if check.mostly == 1 else f" ({check.mostly:.0%} were expected to meet it)"
    return f"{check.name} is not met by {outcome.bad} of {outcome.considered} rows{wanted}, first {file} row {row}"


def _profiles_before(book: Book) -> list[Path]:
    paths = [book.folder(night) / RESULTS / PROFILE_NAME for night in book.sealed[-LOOK_BACK:]]
    return [path for path in paths if path.is_file()]  # nights of an earlier version have none
