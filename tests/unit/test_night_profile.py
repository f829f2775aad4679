"""``creditaudit night --profile``: a table of stages beside a bare scan, which changes nothing of the night."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.layout import open_book
from creditaudit.night import NightOutcome, NightRequest, run_night
from creditaudit.night_profile import Floor, floor, profile_lines
from creditaudit.runlog import RunLog, Stage
from place import Place, changed
from reference.small import NIGHT
from unit.commanded import deliver

if TYPE_CHECKING:
    from pathlib import Path

NEXT = NIGHT + timedelta(days=1)
STAGES = [
    *("receive", "contract", "keys", "expectations", "known answers", "judge", "score", "track", "report", "seal"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A house with one sealed night, and another night delivered."""
    place = Place(tmp_path_factory.mktemp("house")).made()
    deliver(place, NIGHT)
    place.night(NIGHT)
    deliver(place, NEXT)
    return place


@pytest.fixture(scope="module")
def profiled(house: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, list[str]]:
    """The second night, with what it told."""
    place = house.copied(tmp_path_factory.mktemp("profiled"))
    said = place.say(*place.asked("--night", NEXT.isoformat(), "--profile"))
    assert said.code == 0, said.err
    assert said.out == ""
    return place, said.err.splitlines()


def test_every_stage_has_a_line_and_so_has_their_sum(profiled: tuple[Place, list[str]]) -> None:
    _, said = profiled
    at = next(n for n, line in enumerate(said) if line.startswith("stage "))
    head, *lines = said[at : at + len(STAGES) + 2]
    assert [line[: len("known answers")].strip() for line in lines] == [*STAGES, "all stages"]
    assert len({len(line) for line in (head, *lines)}) == 1
    assert said[at + len(STAGES) + 2].startswith("floor: a bare scan of the columns that judging reads, ")
    for word in (
        "rows",
        "read MiB",
        "written MiB",
        "CPU s",
        "wall s",
        "peak MiB",
        "queries",
        "rows scanned",
        "x floor",
    ):
        assert word in head


def test_it_changes_no_byte_of_the_night(house: Place, profiled: tuple[Place, list[str]], tmp_path: Path) -> None:
    plain = house.copied(tmp_path / "plain")
    assert plain.say(*plain.asked("--night", NEXT.isoformat())).code == 0
    assert changed(plain.sealed(), profiled[0].sealed()) == []


def test_a_night_that_was_sealed_before_has_none(profiled: tuple[Place, list[str]]) -> None:
    place, _ = profiled
    said = place.say(*place.asked("--night", NEXT.isoformat(), "--profile"))
    assert said.code == 0
    assert "floor" not in said.err


def test_the_same_as_one_object(house: Place, tmp_path: Path) -> None:
    place = house.copied(tmp_path / "house")
    said = place.say("--log-format", "json", *place.asked("--night", NEXT.isoformat(), "--profile"))
    [told] = [line for line in map(json.loads, said.err.splitlines()) if line["note"] == "profile"]
    assert (told["night"], [stage["name"] for stage in told["stages"]]) == (NEXT.isoformat(), STAGES)
    by_name = {stage["name"]: stage for stage in told["stages"]}
    assert by_name["judge"]["statements"] > 0
    assert by_name["keys"]["scanned_rows"] > 0
    assert by_name["seal"]["statements"] == 0
    assert told["floor"]["rows"] > 0


def test_a_night_that_spilled_says_so_unasked(
    profiled: tuple[Place, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, at_ease = profiled
    assert not any("spilled: " in line for line in at_ease)

    def spilling(request: NightRequest, log: RunLog) -> NightOutcome:
        """Return the night that was sealed before, as if it had just been made with little memory."""
        log.stages += [Stage("keys", spilled_bytes=1), Stage("judge", spilled_bytes=(5 << 20) + 1), Stage("seal")]
        return run_night(request, log)

    monkeypatch.setattr("creditaudit.night.run_night", spilling)
    said = place.say(*place.asked("--night", NEXT.isoformat()))
    assert f"night {NEXT} spilled: up to 6 MiB lay in scratch at once" in said.err


def test_a_run_log_tells_what_was_spilled_in_every_run(house: Place, tmp_path: Path) -> None:
    place = house.copied(tmp_path / "house")
    assert place.say(*place.asked("--night", NEXT.isoformat(), "--run-log", str(tmp_path / "log"))).code == 0
    stages = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert {stage["spilled_bytes"] for stage in stages} == {0}
    assert {(stage["statements"], stage["scanned_rows"]) for stage in stages} == {(None, None)}


def test_the_floor_is_every_row_of_the_states(profiled: tuple[Place, list[str]]) -> None:
    place, _ = profiled
    book = open_book(place.book)
    first = floor(book, NIGHT, 1)
    both = floor(book, NEXT, 2)
    assert 0 < first.rows <= both.rows


def test_what_is_not_known_is_a_dash() -> None:
    """The system may count no bytes, a run without a profile no queries."""
    stages = [
        Stage("one", 1.5, 1_200_300, 7, cpu_seconds=2.0, read_bytes=None, statements=None, scanned_rows=None),
        Stage("two", 0.5, 0, 9, cpu_seconds=1.0, read_bytes=3 << 20, written_bytes=1 << 19, statements=4),
    ]
    head, one, two, whole, least = [line.split("  ") for line in profile_lines(stages, Floor(1_000, 0.5, 0.25))]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in (one, two, whole)]
    assert cells[0] == ["one", "1,200,300", "-", "-", "2.00", "1.50", "7", "-", "-", "0.0", "4.0"]
    assert cells[1] == ["two", "-", "3.0", "0.5", "1.00", "0.50", "9", "4", "-", "0.0", "2.0"]
    assert cells[2] == ["all stages", "3.0", "0.5", "3.00", "2.00", "9", "4", "-", "0.0", "6.0"]
    assert len([cell for cell in head if cell.strip()]) == len(cells[0])
    assert least == ["floor: a bare scan of the columns that judging reads, 1,000 rows: 0.50 s CPU, 0.25 s wall"]
