"""What a night costs, in counts that cannot flake: queries, passes over the big tables, Python calls per row.

Two nights, the first and one that judges who is touched, of two sizes: what grows with the rows, grows here.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

import creditaudit
from creditaudit.night import NightRequest, run_night
from creditaudit.runlog import Meter, RunLog, Stage
from creditaudit.synth import generate
from place import Place

if TYPE_CHECKING:
    from types import FrameType

SIZES = SMALL, LARGE = 800, 3_200
NIGHTS = FULL, ORDINARY = 0, 1
PACKAGE = str(Path(creditaudit.__file__).parent)
# The known answers are a world of their own; reports draw a sheet for each case.
BY_ROWS = ("receive", "contract", "keys", "expectations", "judge", "score", "track")
ASKED = ("keys", "expectations", "judge", "score", "track")
# Passes of a night over all accounts, each file counted once. Another one must be worth its time: measure it, say so
# in docs/performance.md, and only then change a number here.
PASSES = {FULL: 14, ORDINARY: 9}


@dataclass(frozen=True)
class Counted:
    """One night: its stages, rows that its engine read by feed, calls of our functions by stage, accounts known."""

    stages: dict[str, Stage]
    scans: Counter[str]
    calls: Counter[str]
    accounts: int

    @property
    def delivered(self) -> int:
        return self.stages["receive"].rows


class Calls:
    """Counts the calls of the program's own functions; stands where a progress bar would."""

    def __init__(self) -> None:
        self.stage = ""
        self.counts: Counter[str] = Counter()

    def begin(self, stage: str) -> None:
        self.stage = stage
        if stage in BY_ROWS:
            threading.setprofile(self)
            sys.setprofile(self)

    def end(self, stage: str) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def expect(self, amount: int) -> None:
        """Nothing is drawn."""

    def advance(self, amount: int) -> None:
        """Nothing is drawn."""

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            self.counts[self.stage] += 1


def counted(place: Place, day: date) -> Counted:
    """Run one night and count."""
    calls, meter = Calls(), Meter()
    log = RunLog(watch=calls, meter=meter)
    run_night(NightRequest(place.book, place.landing, day, key_file=str(place.key), threads=1), log)
    accounts = sum(pq.read_metadata(path).num_rows for path in place.book.glob("nights/*/state/accounts/*.parquet"))
    return Counted({stage.name: stage for stage in log.stages}, meter.scans, calls.counts, accounts)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], Counted]:
    """The first night and the next, of each size."""
    found = {}
    for size in SIZES:
        root = tmp_path_factory.mktemp(f"size{size}")
        generate(root, accounts=size, nights=len(NIGHTS), seed=1)
        place = Place(root).made(root / "reference")
        days = sorted(date.fromisoformat(folder.name) for folder in place.landing.iterdir())
        for night in NIGHTS:
            found[size, night] = counted(place, days[night])
    return found


Nights = dict[tuple[int, int], Counted]


def test_the_nights_are_those_that_are_meant(nights: Nights) -> None:
    assert nights[LARGE, FULL].delivered > 3 * nights[SMALL, FULL].delivered
    assert nights[LARGE, FULL].stages["judge"].note.startswith("everyone")
    assert nights[LARGE, ORDINARY].stages["judge"].note.endswith("accounts")
    assert {"accounts", "verifications", "published"} <= set(nights[LARGE, ORDINARY].scans)


@pytest.mark.parametrize("stage", ASKED)
def test_no_query_is_asked_row_by_row(nights: Nights, stage: str) -> None:
    """Some follow chains to their end, and those are longer where there are more accounts."""
    small, large = (nights[size, FULL].stages[stage].statements or 0 for size in SIZES)
    assert 0 < large <= small + 3


@pytest.mark.parametrize("night", NIGHTS)
def test_the_accounts_are_read_no_more_often_than_they_were(nights: Nights, night: int) -> None:
    found = nights[LARGE, night]
    assert 0 < found.scans["accounts"] <= PASSES[night] * found.accounts


@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize("stage", BY_ROWS)
def test_no_function_is_called_row_by_row(nights: Nights, stage: str, night: int) -> None:
    """What is called once and remembered is called in the small night, which comes first."""
    small, large = (nights[size, FULL] for size in SIZES)
    rows = large.delivered - small.delivered
    if night == ORDINARY:  # of which hardly a row is delivered: it may hang on the book's rows
        small, large = (nights[size, ORDINARY] for size in SIZES)
    assert large.calls[stage] - small.calls[stage] < rows / 4
    assert large.calls[stage] > 0


@pytest.mark.parametrize("stage", ["keys", "judge"])
def test_what_is_scanned_grows_as_the_rows_do(nights: Nights, stage: str) -> None:
    for night in NIGHTS:
        small, large = (nights[size, night].stages[stage].scanned_rows or 0 for size in SIZES)
        ratio = nights[LARGE, FULL].delivered / nights[SMALL, FULL].delivered
        assert 0 < large <= 1.1 * ratio * small
