"""Random hostile deliveries as both judged them, and how two tables of theirs are compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.errors import CreditAuditError
from place import Place
from reference import NightResult, ReferenceBook
from reference.contract import read_night
from reference.hostile import FIXED_SEEDS, NIGHTS, PERSONS, write_delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

# Differences printed per side; the first few tell what is wrong.
DIFFERENT = 6

Record = tuple[Any, ...]


@dataclass(frozen=True)
class Judged:
    """One night as both judged it."""

    night: date
    code: int
    expected: NightResult = field(repr=False)
    place: Place = field(repr=False)
    raw: dict[tuple[str, str, int], str] = field(repr=False)

    @property
    def rules(self) -> frozenset[str]:
        """Rules in force that night: the texts that lie in its folder."""
        return frozenset(path.name.split("_")[0] for path in (self.place.folder(self.night) / "rules").iterdir())


@dataclass(frozen=True)
class Run:
    """All nights of one delivery."""

    seed: int
    nights: list[Judged]


def judge_both(seed: int, root: Path) -> Run:
    """Write the delivery of a seed and have it judged by the program and by the reference.

    Those of fixed seeds are large enough to hold every answer; another one is there for what nobody thought of.
    """
    days = write_delivery(root, seed, PERSONS if seed in FIXED_SEEDS else PERSONS // 2, NIGHTS)
    place = Place(root).made(root / "reference")
    reference = ReferenceBook(root / "reference")
    nights = []
    for day in days:
        expected = reference.night(day, place.landing)
        try:
            code = int(place.night(day, threads=2).exit_code(fail_on_findings=False))
        except CreditAuditError as error:
            code = int(error.exit_code)
        files = read_night(place.landing, day)
        raw = {(row.feed, row.file, row.row): row.text for file in files for row in file.rows}
        nights.append(Judged(day, code, expected, place, raw))
    return Run(seed, nights)


def records(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> Counter[Record]:
    """Return rows as a multiset of tuples."""
    return Counter(tuple(row[column] for column in columns) for row in rows)


def assert_same(
    run: Run, night: date, ours: Counter[Record], theirs: Counter[Record], columns: tuple[str, ...]
) -> None:
    """Compare as multisets; a difference names keys, verdicts and places, none of which holds personal data."""
    __tracebackhide__ = True
    spare = sorted(map(repr, (ours - theirs).elements()))
    lacking = sorted(map(repr, (theirs - ours).elements()))
    shown = [f"only the program: {one}" for one in spare[:DIFFERENT]]
    shown += [f"only the reference: {one}" for one in lacking[:DIFFERENT]]
    if shown:
        counts = f"{len(spare)} only in the program, {len(lacking)} only in the reference"
        heading = [f"seed {run.seed}, night {night}: {counts}", f"columns: {', '.join(columns)}"]
        pytest.fail("\n".join([*heading, *shown]))
