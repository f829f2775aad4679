"""Killing the program at any point leaves the book as it was before the night, or after it (SPEC 9)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.book.seal import verify
from place import Place, changed

if TYPE_CHECKING:
    from pathlib import Path

    from property.conftest import Delivered


# `make test` has its slice of killed nights in tests/faults/crash.
pytestmark = pytest.mark.skipif(not os.environ.get("CRASH_KILLS"), reason="make test-crash")


class PulledPlugError(BaseException):
    """No error that the program could catch: the process is about to end."""


# Where the plug is pulled: early, half written, all written but not visible. At every operation: tests/faults/crash.
STAGES = ("creditaudit.night.receive", "creditaudit.night.write_parquet", "creditaudit.night.commit")


def _assert_holds(place: Place, nights: int) -> None:
    found = verify(open_book(place.book), load_keys(str(place.key), place.book))
    assert (found.nights, found.with_key) == (nights, True)


def _pull(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    def pulled(*arguments: object, **named: object) -> NoReturn:
        raise PulledPlugError

    monkeypatch.setattr(target, pulled)


def test_pulled_at_any_stage_the_book_is_as_before_and_goes_on(
    delivered: Delivered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 9: after each failed try the tree is the same; the try that succeeds is byte-identical to one alone."""
    place, day = delivered.halfway(tmp_path / "half"), delivered.nights[1]
    before = place.tree()
    for target in STAGES:
        with monkeypatch.context() as patched:
            _pull(patched, target)
            with pytest.raises(PulledPlugError):
                place.night(day)
        assert changed(before, place.tree()) == [], target
    _assert_holds(place, nights=1)
    place.night(day)
    _assert_holds(place, nights=2)
    assert changed(delivered.first.tree(), place.tree()) == []


def test_pulled_between_the_rename_and_the_link_the_next_run_mends_the_link(
    delivered: Delivered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 9: the rename is the commit; what comes after it is made up for by whoever writes next."""
    place, day = delivered.halfway(tmp_path / "half"), delivered.nights[1]
    with monkeypatch.context() as patched:
        _pull(patched, "creditaudit.book.layout.point_latest")
        with pytest.raises(PulledPlugError):
            place.night(day)
    _assert_holds(place, nights=2)
    assert place.night(day).was_sealed
    assert changed(delivered.first.tree(), place.tree()) == []


# The process ends itself as the kernel would end it: no handler runs, nothing is tidied up.
_KILLED = """
import os, pathlib, signal, sys
from datetime import date
from creditaudit.night import NightRequest, run_night
from creditaudit.runlog import RunLog
import creditaudit.night
creditaudit.night.commit = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
book, landing, day, key = sys.argv[1:]
run_night(NightRequest(pathlib.Path(book), pathlib.Path(landing), date.fromisoformat(day), key_file=key), RunLog())
"""


def test_killed_before_the_rename_leaves_a_partial_that_the_next_run_removes(
    delivered: Delivered, tmp_path: Path
) -> None:
    """SPEC 9: a killed writer frees the book; readers never see its leftovers; the next run is byte-identical."""
    place, day = delivered.halfway(tmp_path / "half"), delivered.nights[1]
    before = place.tree()
    arguments = [str(place.book), str(place.landing), day.isoformat(), str(place.key)]
    ended = subprocess.run([sys.executable, "-c", _KILLED, *arguments], check=False, capture_output=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    left = place.book / "nights" / f".{day.isoformat()}.partial"
    assert (left / "manifest.json").is_file()
    assert {name for name in changed(before, place.tree()) if not name.startswith(f"nights/{left.name}")} == set()
    assert open_book(place.book).sealed == (delivered.nights[0],)
    _assert_holds(place, nights=1)
    (left / "intake" / "stray").write_bytes(b"of another try")
    place.night(day)
    assert changed(delivered.first.tree(), place.tree()) == []
