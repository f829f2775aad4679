"""``creditaudit status``: the last night, who holds the book, what waits, what is late; nobody is disturbed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.book.layout import open_book
from creditaudit.case_view import queue
from creditaudit.errors import CreditAuditError
from creditaudit.status import awaited, holder, status_lines, status_of
from creditaudit.tables import PUBLISHED
from reference.small import ACCOUNT, EVENT, NIGHT, NUMBER, REPORT

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
    place.deliver(NIGHT, "accounts", [ACCOUNT])
    found = told(place)
    assert (found["nights"], found["last"], found["held_by"]) == (0, None, None)
    assert found["pending"] == ["2026-11-20"]
    assert found["missing"] == {"2026-11-20": ["invalid_cards", "loss_reports"]}
    said = place.say("status", "--book", str(place.book), "--landing", str(place.landing))
    assert "nights that wait: 2026-11-20" in said.out
    assert "no file of invalid_cards, loss_reports" in said.out


def test_a_feed_is_missing_where_a_night_would_find_no_file_of_it(place: Place) -> None:
    """An empty folder is no delivery; credit reports bring accounts without a folder of that name."""
    (place.landing / NIGHT.isoformat() / "invalid_cards").mkdir(parents=True)
    place.drop(NIGHT, "loss_reports", b"x", name="read.me")
    place.drop(NIGHT, "reports", b"<x/>", name="p1.xml")
    assert told(place)["missing"] == {NIGHT.isoformat(): ["invalid_cards", "loss_reports"]}
    assert awaited(place.book, place.landing, NIGHT) == ["invalid_cards: no file", "loss_reports: no file"]


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


def test_what_is_past_its_due_date_is_counted_per_institution(sent_cases: Place, tmp_path: Path) -> None:
    """SPEC 8.4: open cases alone, by their last episode, from the night after the due date."""
    house = sent_cases.copied(tmp_path / "house")
    rows = house.rows(NIGHT, "cases")
    day_before = date.fromordinal(NIGHT.toordinal() - 1)
    sent = [row for row in rows if row["state"] == "sent"]
    assert len(sent) == len(rows) == 4
    due: list[date | None] = [day_before, NIGHT, None, day_before]
    changed = [{**row, "due_on": day} for row, day in zip(rows, due, strict=True)]
    changed[3]["state"] = "holder_confirmed"
    # The legal clock of a newer objection still runs.
    changed[1] |= {"state": "correction_overdue", "due_on": date.max, "provider_code": rows[0]["provider_code"]}
    changed.append({**changed[0], "provider_code": "13912345678", "case_id": "CA-9"})
    changed.append({**changed[0], "provider_code": "13912345670", "case_id": "CA-8"})
    path = house.folder(NIGHT) / "published" / "cases.parquet"
    pq.write_table(pa.Table.from_pylist(changed, schema=PUBLISHED["cases"]), path)
    found = status_of(house.book)
    assert found["past_due"] == {"***": 2, str(rows[0]["provider_code"]): 2}
    assert f"past their due date at {rows[0]['provider_code']}: 2" in status_lines(found)
    late = Counter(row["provider_code"] for row in queue(open_book(house.book), overdue=True))
    assert found["past_due"] == late


def test_a_degraded_night_says_what_it_lacked(sent_cases: Place) -> None:
    """SPEC 2, 3.1: the feed, and why."""
    found = status_of(sent_cases.book)
    assert list(found["degraded"]) == ["invalid_cards"]
    [why] = found["degraded"]["invalid_cards"]
    assert f"the last night is degraded: invalid_cards: {why}" in status_lines(found)


def controls(place: Place) -> None:
    for path in (place.landing / NIGHT.isoformat()).rglob("*.csv"):
        path.with_name(f"{path.name}.ctl").write_text('{"rows": 1}', encoding="utf-8")


def test_a_night_waits_for_expected_feeds_and_for_control_files(place: Place) -> None:
    """What a schedule asks for each hour: nothing is said twice, and a file's name may hold a number."""
    assert awaited(place.book, place.landing, NIGHT) == [
        f"{f}: no file" for f in ("accounts", "invalid_cards", "loss_reports")
    ]
    place.deliver(NIGHT, "accounts", [ACCOUNT], name=f"{NUMBER}.csv")
    place.deliver(NIGHT, "invalid_cards", [EVENT])
    place.deliver(NIGHT, "loss_reports", [REPORT])
    place.drop(NIGHT, "openings", b"", name="o.csv.gz")
    place.drop(NIGHT, "reports", b"<x/>", name="r.xml")
    assert awaited(place.book, place.landing, NIGHT) == [
        "accounts: *.csv has no .ctl",
        "openings: o.csv.gz has no .ctl",
        "invalid_cards: f.csv has no .ctl",
        "loss_reports: f.csv has no .ctl",
    ]
    controls(place)
    place.drop(NIGHT, "openings", b"{}", name="o.csv.gz.ctl")
    place.drop(NIGHT, "invalid_cards", b'{"rows": 1', name="f.csv.ctl")  # half of it has come
    place.drop(NIGHT, "loss_reports", b'{"rows": "many"}', name="f.csv.ctl")
    asked = ("--book", str(place.book), "--landing", str(place.landing), "--night", NIGHT.isoformat())
    said = place.say("ready", *asked)
    assert (said.code, said.err) == (5, "")
    assert said.out.splitlines() == [
        f"night {NIGHT} waits for invalid_cards: f.csv: its .ctl is not JSON",
        f"night {NIGHT} waits for loss_reports: f.csv: its .ctl has a rows that is not a whole number of rows",
    ]
    controls(place)
    said = place.say("ready", *asked)
    assert (said.code, said.out, said.err) == (0, "", "")


def test_the_configuration_says_what_a_night_waits_for(place: Place) -> None:
    text = "[feeds.accounts]\nexpected = false\n[feeds.impostors]\nexpected = true\n"
    place.config.write_text(text, encoding="utf-8")
    assert awaited(place.book, place.landing, NIGHT) == [
        f"{f}: no file" for f in ("invalid_cards", "loss_reports", "impostors")
    ]
    shutil.rmtree(place.landing)
    with pytest.raises(CreditAuditError, match="no such landing"):
        awaited(place.book, place.landing, NIGHT)
