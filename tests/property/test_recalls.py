"""SPEC 2, 8.1: from the night that recalls a file on, the findings are those of a history in which it never came."""

from __future__ import annotations

import hashlib
import os
import shutil
from random import Random
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from place import Place, changed, tree_of
from property.drifting import check_drift
from property.histories import History
from reference.columns import FEEDS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

# `make test-recalls` asks for more.
HISTORIES = int(os.environ.get("CREDITAUDIT_TEST_RECALLS") or 12)
FAMILIES = 12  # each has a history of its own; they share the nights of a book
NIGHTS = 4
BAD = "bad.csv"
SAME = ("findings", "clearances")


class Bad(History):
    """A history in which some rows of two nights come in files of their own."""

    def __init__(self, seed: int, landing: Path) -> None:
        super().__init__(seed, landing, FAMILIES, NIGHTS)
        self.chosen = Random(seed)  # noqa: S311 - test data
        # Of the first night what most findings rest on, and of a later one whatever comes.
        first = self.chosen.choice(("accounts", "openings", "loss_reports", "invalid_cards"))
        self.victims = {0: first, self.chosen.randrange(1, NIGHTS - 1): self.chosen.choice([*FEEDS, "accounts"])}
        for family in self.families:
            family.elsewhere = self._elsewhere

    def _elsewhere(self, feed: str, file: str) -> str:
        return BAD if self.victims.get(self.at) == feed and file == "f.csv" and self.chosen.random() < 0.5 else file

    def bad_files(self, day: date) -> list[str]:
        """Return the SHA-256 of what is to be recalled of a night: its own file, or any other."""
        feed = self.victims.get(self.days.index(day))
        folder = self.landing / day.isoformat()
        named = [folder / feed / BAD] if feed is not None and (folder / feed / BAD).is_file() else []
        every = [path for path in sorted(folder.glob("*/*.csv")) if _rows(path)]
        if feed is not None and not named and every:
            named = [self.chosen.choice(every)]
        return [_sha256(path) for path in named if _rows(path)]


def _rows(path: Path) -> int:
    return path.read_bytes().count(b"\n") - 1


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _without(landing: Path, target: Path, gone: set[str]) -> None:
    """Bring a landing up to date with another, but for some files."""
    for path in sorted(landing.rglob("*")):
        place = target / path.relative_to(landing)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists() and _sha256(path.with_name(path.name.removesuffix(".ctl"))) not in gone:
            shutil.copy(path, place)


@pytest.mark.parametrize("number", range(-(-HISTORIES // FAMILIES)))
def test_recalled_files_never_came(
    number: int, rotating_seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Findings and clearances are the same, byte by byte; so is a night that judges everyone, in every file."""
    monkeypatch.setattr("creditaudit.night.hold", lambda *_: [])
    told = tmp_path / "told"
    told.mkdir()
    seed = rotating_seed * 1_000_003 + number
    history = Bad(seed, told)
    place, never = (Place(tmp_path / name) for name in ("recalled", "never"))
    for one in (place, never):
        one.root.mkdir()
        one.made()
    shutil.copy(place.key, never.key)
    gone: dict[str, int] = {}  # until the night of the recall
    taken: set[str] = set()
    bad: set[str] = set()
    for at in range(NIGHTS):
        day = history.next_night((place, never))
        for sha256, night in gone.items():
            if night == at:
                put(open_book(place.book), "recall", by="Li", reason="a mistake", body={"sha256": sha256}, on=day)
                taken.add(sha256)
        found = history.bad_files(day)
        if at < NIGHTS - 1:
            gone |= {sha256: history.chosen.randrange(at + 1, NIGHTS) for sha256 in found if sha256 not in gone}
            bad |= set(found)
        _without(told, place.landing, taken)
        _without(told, never.landing, bad)
        where = f"history {seed}, {day}, recalled {sorted(taken)} of {gone}; {[f.told for f in history.families]}"
        is_recall = at in gone.values()
        whole = place.copied(tmp_path / f"whole{at}") if is_recall else None
        place.night(day)
        never.night(day)
        if whole is not None:
            whole.night(day, everyone=True)
            assert changed(tree_of(place.folder(day)), tree_of(whole.folder(day))) == [], where
        if gone and set(gone) == taken:
            for table in SAME:
                assert place.published(day, table).equals(never.published(day, table)), f"{table}: {where}"
                file = f"published/{table}.parquet"
                assert (place.folder(day) / file).read_bytes() == (never.folder(day) / file).read_bytes(), where
    check_drift(place)
