"""One random delivery of two nights, sealed once; the suites compare everything with it."""

from __future__ import annotations

import shutil
from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING

import pytest

from place import Place
from reference.contract import read_night
from reference.hostile import write_delivery

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

PERSONS = 120


def _written(root: Path, seed: int) -> tuple[Path, list[date]]:
    """Write the first delivery from this seed on whose judgment does not hang on the order of its rows."""
    for other in count(seed):
        folder = root / str(other)
        nights = write_delivery(folder, other, PERSONS, 2)
        if not any(_hangs_on_order(folder / "landing", night) for night in nights):
            return folder, nights
    raise AssertionError


def _hangs_on_order(landing: Path, night: date) -> bool:
    """SPEC 12 keeps the first of identical rows; where one lost a cell that another never had, that shows."""
    unreadable: dict[tuple[object, ...], set[frozenset[str]]] = defaultdict(set)
    for file in read_night(landing, night):
        for row in file.rows:
            if not row.reasons:
                unreadable[file.feed, *row.comparable()].add(frozenset(row.dropped))
    return any(len(kinds) > 1 for kinds in unreadable.values())


class Delivered:
    """One random delivery of two nights, its book sealed once with one thread."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.nights = _written(root, seed)
        self.reference = self.root / "reference"
        self.first = self.fresh("first")
        for day in self.nights:
            self.first.night(day, threads=1)

    def fresh(self, name: str, landing: Path | None = None) -> Place:
        """An empty book over the same landing, or over another form of it."""
        folder = self.root / name
        folder.mkdir()
        return Place(folder, landing or self.root / "landing").made(self.reference)

    def halfway(self, root: Path) -> Place:
        """The book as it was before the second night."""
        place = self.first.copied(root)
        shutil.rmtree(place.folder(self.nights[1]))
        (place.book / "latest").unlink()
        (place.book / "latest").symlink_to(f"nights/{self.nights[0].isoformat()}")
        return place


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory, rotating_seed: int) -> Delivered:
    """Another delivery every run; the seed is in the test's name."""
    return Delivered(tmp_path_factory.mktemp("delivered"), rotating_seed)
