"""Groups of institutions: the top ancestor of each provider on the night's date (SPEC 3.2 and 12, Group)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from creditaudit.engines import Engine


def load_groups(engine: Engine, night: date) -> None:
    """Make ``institution_groups`` (provider_code, group_code) from ``institutions``.

    A provider that the table does not hold is its own group and has no row.
    """
    rows = engine.fetch(
        "SELECT provider_code, parent_code, valid_from, valid_to FROM institutions"
        " WHERE provider_code IS NOT NULL ORDER BY row"
    ).to_pylist()
    found = sorted(groups(parents(rows, night)).items())
    columns = [pa.array([pair[place] for pair in found], pa.string()) for place in (0, 1)]
    engine.load("institution_groups", pa.table(columns, names=["provider_code", "group_code"]))


def parents(rows: Iterable[Mapping[str, Any]], day: date) -> dict[str, str | None]:
    """Return provider to parent by the rows in force on a day; None: no parent.

    Of several rows of one provider the one with the latest valid_from counts (one without is the earliest), then the
    last in the order given.
    """
    best: dict[str, date] = {}
    found: dict[str, str | None] = {}
    for row in rows:
        provider, first, last = row["provider_code"], row["valid_from"] or date.min, row["valid_to"]
        if first > day or (last is not None and last < day) or first < best.get(provider, date.min):
            continue
        best[provider], found[provider] = first, row["parent_code"]
    return found


def groups(parent_of: Mapping[str, str | None]) -> dict[str, str]:
    """Return provider to the top of its line of parents.

    A parent that has no row of its own is a top. In a cycle the top is the last provider before the first repeat.
    """
    found: dict[str, str] = {}
    for start in parent_of:
        walked: dict[str, int] = {}
        at = start
        # Up to a top, to a provider whose group is known, or to one that was walked already.
        while at not in found and at not in walked:
            walked[at] = len(walked)
            at = parent_of.get(at) or at
        line = list(walked)
        if at in found:
            top, ring = found[at], 0
        else:
            ring = len(line) - walked[at]
            top = line[-1]  # the last before the repeat, for whoever enters the ring where this line does
            for place, provider in enumerate(line[walked[at] :]):
                found[provider] = line[-1] if place == 0 else line[walked[at] + place - 1]
        for provider in line[: len(line) - ring]:
            found[provider] = top
    return found
