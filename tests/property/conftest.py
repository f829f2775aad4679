"""One random delivery of two nights, sealed once; the suites compare everything with it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from place import Place
from reference.hostile import write_delivery

if TYPE_CHECKING:
    from pathlib import Path

PERSONS = 120


class Delivered:
    """One random delivery of two nights, its book sealed once with one thread."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.nights = write_delivery(root, seed, PERSONS, 2)
        self.reference = root / "reference"
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
