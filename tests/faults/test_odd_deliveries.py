"""Odd ways in which a delivery comes: two nights in one folder, growing files, a wrong clock (SPEC 2, 3.1, 3.3)."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from creditaudit import night as night_module
from faults.answers import assert_refused, next_night
from faults.conftest import deliver_sound
from place import Place, changed
from reference.small import ACCOUNT, NEXT, NIGHT, REPORT

if TYPE_CHECKING:
    from pathlib import Path

THIRD = NEXT + timedelta(days=1)


# --- two nights in one folder --------------------------------------------------------------------------------------


def test_two_nights_in_one_folder_are_told_and_no_row_is_lost(house: Place) -> None:
    """SPEC 3.3: the dates of the rows decide which stands; SPEC 2: every row is accepted or quarantined."""
    (house.landing / NEXT.isoformat() / "accounts" / "f.csv").unlink()
    rows = [
        {**ACCOUNT, "report_date": day, "balance": balance}
        for day, balance in (("2026-11-21", "7"), ("2026-11-20", "8"))
    ]
    for row, day in zip(rows, ("20261122", "20261121"), strict=True):
        house.deliver(NEXT, "accounts", [row], name=f"acct-{day}.csv")
    said = house.say(*next_night(house))
    assert said.code == 0, said.err
    page = (house.folder(NEXT) / "night.html").read_text(encoding="utf-8")
    assert "accounts/acct-*.csv came for several dates in one folder: 2026-11-21, 2026-11-22" in page
    fates = {r["file"]: (r["delivered"], r["accepted"], r["quarantined"]) for r in house.rows(NEXT, "coverage")}
    assert fates["acct-20261122.csv"] == (1, 1, 0)
    assert fates["acct-20261121.csv"] == (1, 0, 1)
    assert [r["reasons"] for r in house.rows(NEXT, "quarantine")] == ["stale"]


@pytest.mark.parametrize(
    ("names", "is_told"),
    [
        (("a-2026-11-20.csv", "a-2026-11-21.csv"), True),
        (("a_20261120_1.csv", "a_20261121_2.csv"), False),
        (("a-20261120.csv", "b-20261121.csv"), False),
        (("a-20261120.csv", "a-20261120.csv.gz"), False),
        (("a-20261320.csv", "a-20261321.csv"), False),
        (("a-120261120.csv", "a-120261121.csv"), False),
    ],
)
def test_what_names_tell_of_several_dates(tmp_path: Path, names: tuple[str, ...], is_told: bool) -> None:
    from creditaudit.intake.dated_names import several_dates  # noqa: PLC0415
    from creditaudit.intake.landing import DeliveredFile  # noqa: PLC0415

    files = [DeliveredFile("accounts", name, tmp_path / name) for name in names]
    assert bool(several_dates(files)) is is_told


# --- a landing that changes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["grown", "replaced", "touched_with_other_bytes"])
def test_a_file_that_is_written_to_before_the_seal_refuses_the_night(
    house: Place, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Sealed by its name, what came after it was read would never be read by any night."""
    path = house.landing / NEXT.isoformat() / "loss_reports" / "f.csv"
    sound = path.read_bytes()
    judged = night_module.judge_night

    def changing(*arguments: object, **named: object) -> object:
        if change == "grown":
            with path.open("ab") as file:
                file.write(sound.splitlines()[1].replace(b"L1", b"L2") + b"\n")
        elif change == "replaced":
            other = path.with_name(".other")
            other.write_bytes(sound + b"\n")
            other.replace(path)
        else:
            path.write_bytes(sound.replace(b"L1", b"L2"))
            os.utime(path, ns=(0, 0))
        return judged(*arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(night_module, "judge_night", changing)
        assert_refused(house, 3, "loss_reports/f.csv", "changed while the night was read", "wait until")
    assert house.say(*next_night(house)).code == 0


def test_a_file_that_is_moved_away_after_it_was_read_is_no_fault(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was whole, and its bytes are named by their hash; an archive may take it."""
    path = house.landing / NEXT.isoformat() / "issuances" / "f.csv"
    judged = night_module.judge_night

    def moving(*arguments: object, **named: object) -> object:
        path.unlink()
        return judged(*arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(night_module, "judge_night", moving)
        assert house.say(*next_night(house)).code == 0


def test_a_file_that_comes_while_the_night_runs_is_read_by_the_next(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 2: no manifest names it, so it is a late file."""
    judged = night_module.judge_night

    def delivering(*arguments: object, **named: object) -> object:
        house.deliver(NEXT, "loss_reports", [{**REPORT, "report_no": "L5"}], name="g.csv")
        return judged(*arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(night_module, "judge_night", delivering)
        assert house.say(*next_night(house)).code == 0
    assert "L5" not in {r["notice_id"] for r in house.rows(NEXT, "findings")}
    deliver_sound(house, THIRD)
    house.night(THIRD)
    assert f"{NEXT}/g.csv" in {r["file"] for r in house.rows(THIRD, "coverage")}
    assert "L5" in {r["notice_id"] for r in house.rows(THIRD, "findings")}


# --- the clock -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "zone"), [(0, "UTC"), (4_000_000_000, "America/Los_Angeles")])
def test_no_clock_of_the_machine_enters_a_sealed_night(
    house: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: int, zone: str
) -> None:
    """SPEC 2: the same inputs give byte-identical sealed files, whatever the clock, its zone and the files' times."""
    other = house.copied(tmp_path / "other")
    house.night(NEXT)
    for path in [*other.landing.rglob("*"), *other.book.rglob("*")]:
        os.utime(path, (now, now), follow_symlinks=False)
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: float(now))
        patched.setattr(time, "time_ns", lambda: now * 10**9)
        patched.setenv("TZ", zone)
        time.tzset()
        try:
            other.night(NEXT)
        finally:
            patched.undo()
            time.tzset()
    assert changed(house.tree(), other.tree()) == []


# --- order, skipped and late ---------------------------------------------------------------------------------------


def test_a_file_that_turns_up_in_a_skipped_nights_folder_is_read_by_the_next(house: Place) -> None:
    """SPEC 2: the seal names the files then lying there; they are not read; another one that comes later is."""
    deliver_sound(house, THIRD)
    skip = ("--skip", NEXT.isoformat(), "--reason", "交付作废")
    assert house.say(*house.asked("--night", THIRD.isoformat(), *skip)).code == 0
    fourth = THIRD + timedelta(days=1)
    house.deliver(NEXT, "accounts", [{**ACCOUNT, "account_code": "LATE"}], name="late.csv")
    deliver_sound(house, fourth)
    house.night(fourth)
    read = {r["file"] for r in house.rows(fourth, "coverage")}
    assert read == {"f.csv", f"{NEXT}/late.csv"}


def test_an_earlier_sealed_night_run_again_changes_nothing_and_says_so(house: Place) -> None:
    """SPEC 2: also where it is not the last one, and although news lies in its folder: that is the next night's."""
    house.night(NEXT)
    house.deliver(NIGHT, "accounts", [{**ACCOUNT, "account_code": "LATE"}], name="late.csv")
    before = house.tree()
    said = house.say(*house.asked("--night", NIGHT.isoformat()))
    assert (said.code, "was sealed before; nothing changed" in said.err) == (0, True)
    assert changed(before, house.tree()) == []


def test_catch_up_passes_over_what_is_skipped_and_stops_at_what_is_refused(house: Place) -> None:
    """SPEC 2: nights are sealed in order; one that is refused keeps the later ones waiting, those before it stand."""
    fourth = THIRD + timedelta(days=1)
    deliver_sound(house, THIRD)
    deliver_sound(house, fourth)
    house.drop(fourth, "loss_reports", b"")
    said = house.say(*house.asked("--catch-up", "--skip", NEXT.isoformat(), "--reason", "交付作废"))
    assert said.code == 3
    assert sorted(p.name for p in (house.book / "nights").iterdir()) == [NIGHT.isoformat(), THIRD.isoformat()]
    house.deliver(fourth, "loss_reports", [REPORT])
    assert house.say(*house.asked("--catch-up")).code == 0
    assert house.folder(fourth).is_dir()
