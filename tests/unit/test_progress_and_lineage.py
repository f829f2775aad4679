"""What is told of a night beside the book: a bar at a terminal, and lineage events in a file when asked for."""

from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from credit_reports import LOAN, account, envelope, report
from creditaudit.cli_progress import Bar, watching
from creditaudit.runlog import RunLog
from reference.small import NEXT, NIGHT, NUMBER

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place


IMPOSTOR = {"person_ref": "I1", "id_number": NUMBER, "finding_on": "2020-01-01"}


class Seen:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def begin(self, stage: str) -> None:
        self.told.append(("begin", stage))

    def expect(self, amount: int) -> None:
        self.told.append(("expect", amount))

    def advance(self, amount: int) -> None:
        self.told.append(("advance", amount))

    def end(self, stage: str) -> None:
        self.told.append(("end", stage))


def test_who_looks_on_is_told_every_stage_and_all_bytes(sent_cases: Place, tmp_path: Path) -> None:
    place, seen = sent_cases.copied(tmp_path), Seen()
    place.night(NEXT, log=RunLog(watch=seen))
    begun = [name for what, name in seen.told if what == "begin"]
    assert begun == [name for what, name in seen.told if what == "end"]
    assert begun[0] == "receive"
    assert begun[-1] == "seal"
    [expected] = [amount for what, amount in seen.told if what == "expect"]
    delivered = (place.landing / NEXT.isoformat()).rglob("*.csv")
    assert expected == sum(path.stat().st_size for path in delivered)
    assert expected == sum(amount for what, amount in seen.told if what == "advance")  # type: ignore[misc]


def test_a_stage_that_fails_ends_for_who_looks_on() -> None:
    seen = Seen()
    with pytest.raises(ZeroDivisionError), RunLog(watch=seen).stage("judge"):
        raise ZeroDivisionError
    assert seen.told == [("begin", "judge"), ("end", "judge")]


def test_the_bar_shows_stage_rate_and_time_left_and_leaves_nothing() -> None:
    out = io.StringIO()
    with Bar(Console(file=out, force_terminal=True, width=120)) as bar:
        bar.begin("receive")
        bar.expect(1_000_000)
        bar.advance(400_000)
        bar._progress.refresh()
        bar.end("receive")
    assert "receive" in out.getvalue()
    assert "0.4/1.0 MB" in out.getvalue()


def test_without_a_terminal_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(is_json=False) as watch:
        assert watch is None
    assert capsys.readouterr().err == ""


def test_events_say_what_was_read_and_made(sent_cases: Place, tmp_path: Path) -> None:
    place, file = sent_cases.copied(tmp_path / "house"), tmp_path / "events.jsonl"
    late = place.deliver(NIGHT, "impostors", [IMPOSTOR], name="late.csv")  # into the folder of a sealed night
    place.drop(NEXT, "reports", envelope(report(account(LOAN)).encode()), name="p1.xml")  # of two feeds
    place.drop(NEXT, "accounts", b"", name="void.csv")  # refused: nothing of it is read
    said = place.say(*place.asked("--night", NEXT.isoformat(), "--lineage", str(file)))
    assert said.code in {0, 5}, said.err
    start, complete = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"]
    for event in (start, complete):
        assert {"eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"} <= {*event}
    folder = place.landing / NEXT.isoformat()
    delivered = {late, *folder.rglob("*.csv"), folder / "reports" / "p1.xml"} - {folder / "accounts" / "void.csv"}
    assert sorted(entry["name"] for entry in complete["inputs"]) == sorted(map(str, delivered))
    made = {entry["name"] for entry in complete["outputs"]}
    assert str(place.folder(NEXT) / "published" / "cases.parquet") in made


def test_a_night_that_is_refused_ends_as_failed(sent_cases: Place, tmp_path: Path) -> None:
    place, file = sent_cases.copied(tmp_path / "house"), tmp_path / "events.jsonl"
    shutil.rmtree(place.landing / NEXT.isoformat())
    place.drop(NEXT, "loss_reports", b"")
    log = tmp_path / "run.log"
    asked = ("--night", NEXT.isoformat(), "--lineage", str(file), "--run-log", str(log))
    assert place.say(*place.asked(*asked)).code == 3
    kinds = [json.loads(line)["eventType"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert kinds == ["START", "FAIL"]
    stages = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    told = [(s["night"], s["name"], s["note"]) for s in stages]
    assert told == [(NEXT.isoformat(), "receive", ""), (NEXT.isoformat(), "contract", "failed: RefusedError")]


def test_a_file_that_cannot_be_written_is_said_before_the_work(sent_cases: Place, tmp_path: Path) -> None:
    place = sent_cases.copied(tmp_path / "house")
    said = place.say(*place.asked("--night", NEXT.isoformat(), "--lineage", str(tmp_path)))
    assert said.code == 2
    assert not place.folder(NEXT).exists()
