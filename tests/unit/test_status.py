"""``creditaudit status``: the last night, who holds the book, what waits, what is late; nobody is disturbed."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING

from creditaudit.book.layout import open_book
from creditaudit.status import holder, status_of

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place
    from unit.responding import Answered


def told(place: Place) -> dict[str, object]:
    said = place.say("status", "--book", str(place.book), "--landing", str(place.landing), "--format", "json")
    assert said.code == 0, said.err
    found: dict[str, object] = json.loads(said.out)
    return found


def test_a_book_without_a_night_says_what_waits(place: Place) -> None:
    (place.landing / "2026-11-20" / "accounts").mkdir(parents=True)
    found = told(place)
    assert (found["nights"], found["last"], found["held_by"]) == (0, None, None)
    assert found["pending"] == ["2026-11-20"]
    assert found["missing"] == {"2026-11-20": ["invalid_cards", "loss_reports"]}
    said = place.say("status", "--book", str(place.book), "--landing", str(place.landing))
    assert "nights that wait: 2026-11-20" in said.out
    assert "no folder of invalid_cards, loss_reports" in said.out


def test_who_holds_the_book_is_named_and_not_disturbed(place: Place) -> None:
    book = open_book(place.book)
    with (place.book / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert holder(book) == os.getpid()
        assert told(place)["held_by"] == os.getpid()
    assert holder(book) is None


def test_a_night_that_was_left_unfinished_is_named(place: Place) -> None:
    (place.book / "nights" / ".2026-11-20.partial").mkdir(parents=True)
    (place.book / "nights" / ".latest.partial").symlink_to("nights/2026-11-20")  # what a killed run leaves beside it
    assert told(place)["unfinished"] == ["2026-11-20"]
    said = place.say("status", "--book", str(place.book))
    assert "2026-11-20 is unfinished" in said.out


def test_decisions_that_wait_are_counted(place: Place) -> None:
    who = ("--by", "auditor", "--reason", "sold", "--on", "2026-12-01", "--evidence-ref", "D-1")
    assert place.say("accept-base", "--book", str(place.book), "--provider", "B01", *who).code == 0
    assert told(place)["inbox"] == {"smaller_base": 1}


def test_a_place_that_is_no_book_is_refused(tmp_path: Path, place: Place) -> None:
    said = place.say("status", "--book", str(tmp_path / "none"))
    assert said.code == 2
    assert "creditaudit init" in said.err


def test_the_last_night_and_its_open_cases_are_told(answered_cases: Answered) -> None:
    house = answered_cases.place
    found = status_of(house.book)
    last = open_book(house.book).last
    assert last is not None
    assert (found["last"], found["pending"]) == (last.isoformat(), None)
    newest = {str(c["case_id"]): c for c in house.rows(last, "cases")}  # by case_id, episode: the last one stays
    closed = {"holder_confirmed", "correction_verified", "withdrawn", "reappeared"}
    states = [str(c["state"]) for c in newest.values() if c["state"] not in closed]
    assert states
    assert found["cases"] == {state: states.count(state) for state in sorted({*states})}
