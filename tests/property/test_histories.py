"""SPEC 2, "Only what is touched is judged again": the outcome equals that of judging everyone, byte by byte.

And what is said of the difference of two of those nights is that of the two histories (``creditaudit drift``).
"""

from __future__ import annotations

import os
import shutil
from random import Random
from typing import TYPE_CHECKING

import pytest

from creditaudit.night import NightRequest, run_night
from creditaudit.runlog import RunLog
from place import Place, changed, tree_of
from property.drifting import check_drift
from property.histories import NIGHTS, History

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

# `make test-histories` asks for more.
HISTORIES = int(os.environ.get("CREDITAUDIT_TEST_HISTORIES") or 12)
PAIRS = 2  # of nights that are compared
FAMILIES = 12  # each has a history of its own; they share the nights of a book


def _sealed(place: Place, day: date, *, everyone: bool) -> str:
    """Run one night; returns what its judgment looked at."""
    log = RunLog()
    request = NightRequest(place.book, place.landing, day, key_file=str(place.key), threads=1, everyone=everyone)
    run_night(request, log)
    return next(stage.note for stage in log.stages if stage.name == "judge")


@pytest.mark.parametrize("number", range(-(-HISTORIES // FAMILIES)))
def test_histories_judged_by_what_is_touched_are_those_judged_whole(
    number: int, rotating_seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 2: every file of every night is the same, also the manifest with its seal."""
    # The contract only reads what was accepted.
    monkeypatch.setattr("creditaudit.night.hold", lambda *_: [])
    landing = tmp_path / "landing"
    landing.mkdir()
    touched, whole = (Place(tmp_path / name, landing) for name in ("touched", "whole"))
    for place in (touched, whole):
        place.root.mkdir()
        place.made()
    shutil.copy(touched.key, whole.key)
    seed = rotating_seed * 1_000_003 + number
    history = History(seed, landing, FAMILIES)
    looked: list[str] = []
    for _ in range(NIGHTS):
        day = history.next_night((touched, whole))
        looked.append(_sealed(touched, day, everyone=False))
        _sealed(whole, day, everyone=True)
        differing = changed(tree_of(touched.folder(day)), tree_of(whole.folder(day)))
        assert differing == [], f"history {seed}: {looked}; {[f.told for f in history.families]}"
    assert sum(not note.startswith("everyone") for note in looked) >= NIGHTS // 2, looked
    rng = Random(seed)  # noqa: S311 - test data
    for _ in range(PAIRS):
        earlier, later = sorted(rng.sample(history.days, 2))
        check_drift(touched, (earlier, later), judged=whole)
