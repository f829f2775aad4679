"""The examples for cron and systemd are run, or checked, as they are shipped."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from creditaudit.book.layout import open_book
from reference.small import ACCOUNT, EVENT, REPORT

if TYPE_CHECKING:
    from place import Place

DAGS = Path(__file__).resolve().parents[2] / "pipelines" / "dags"


def cron() -> tuple[dict[str, str], str]:
    """Return the variables and the command of the shipped cron file."""
    lines = [line for line in (DAGS / "creditaudit.cron").read_text(encoding="utf-8").splitlines() if line]
    said = [line for line in lines if not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in said if re.match("[A-Z_]+=", line))
    [entry] = [line for line in said if not re.match("[A-Z_]+=", line)]
    line = entry.split(maxsplit=5)[5]
    assert not re.search(r"(?<!\\)%", line)  # cron would end the line there
    return variables, line.replace("/opt/creditaudit/bin/creditaudit-nightly", str(DAGS / "creditaudit-nightly"))


@dataclass(frozen=True)
class Desk:
    """A house whose clock says what a test wants, and whose command is the program or answers what a test wants."""

    place: Place
    folder: Path

    @property
    def yesterday(self) -> date:
        return datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)

    def answers(self, text: str) -> None:
        command = self.folder / "creditaudit"
        command.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        command.chmod(0o700)

    def fired(self, hour: int) -> subprocess.CompletedProcess[str]:
        """Run the cron line as cron does: by sh, with nothing in the environment but the file's own variables."""
        clock = self.folder / "date"
        clock.write_text(f'#!/bin/sh\n[ "$1" = +%H ] && echo {hour:02d} || exec /bin/date "$@"\n', encoding="utf-8")
        clock.chmod(0o700)
        variables, line = cron()
        variables |= {"PATH": f"{self.folder}:/usr/bin:/bin", "CREDITAUDIT_BIN": str(self.folder / "creditaudit")}
        variables |= {"CREDITAUDIT_BOOK": str(self.place.book), "CREDITAUDIT_LANDING": str(self.place.landing)}
        variables |= {"CREDITAUDIT_KEY_FILE": str(self.place.key)}
        return subprocess.run(
            ["/bin/sh", "-c", line], env=variables, capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture
def desk(place: Place, tmp_path: Path) -> Desk:
    folder = tmp_path / "bin"
    folder.mkdir()
    made = Desk(place, folder)
    made.answers(f'PYTHONPATH="{DAGS.parent}" exec "{sys.executable}" -m creditaudit.cli "$@"')
    return made


def deliver(place: Place, night: date, *, controls: bool) -> None:
    for feed, row in (("accounts", ACCOUNT), ("loss_reports", REPORT), ("invalid_cards", EVENT)):
        path = place.deliver(night, feed, [row])
        if controls:
            path.with_name("f.csv.ctl").write_text('{"rows": 1}', encoding="utf-8")


def test_a_try_waits_for_the_control_files_and_the_last_one_does_not(desk: Desk) -> None:
    """Earlier nights are run as they lie there; yesterday's when its files are whole, or by the last try of the day."""
    early = desk.yesterday - timedelta(days=1)
    deliver(desk.place, early, controls=False)
    deliver(desk.place, desk.yesterday, controls=False)
    first = desk.fired(2)
    assert (first.returncode, first.stdout) == (0, ""), first.stderr
    assert f"night {early} sealed" in first.stderr
    assert open_book(desk.place.book).sealed == (early,)
    last = desk.fired(8)
    assert (last.returncode, last.stdout) == (0, "")
    assert f"night {desk.yesterday} waits for accounts: f.csv has no .ctl" in last.stderr
    assert open_book(desk.place.book).sealed == (early, desk.yesterday)


def test_what_is_whole_is_run_at_once_and_what_is_refused_is_a_failure(desk: Desk) -> None:
    deliver(desk.place, desk.yesterday, controls=True)
    (desk.place.landing / desk.yesterday.isoformat() / "accounts" / "f.csv").write_bytes(b"")  # of zero bytes
    refused = desk.fired(2)
    assert refused.returncode == 1
    assert "refused" in refused.stderr


def test_a_day_without_a_delivery_is_told_by_the_last_try(desk: Desk) -> None:
    desk.answers('[ "$1" = ready ] && echo "night N waits for accounts: no file" && exit 5\nexit 0')
    waiting, last = desk.fired(7), desk.fired(8)
    assert (waiting.returncode, waiting.stderr) == (0, "")
    assert last.returncode == 1
    assert "waits for accounts: no file" in last.stderr
    assert f"nothing was delivered for {desk.yesterday}" in last.stderr


@pytest.mark.parametrize(
    ("code", "early", "last"), [(0, 0, 0), (1, 0, 0), (5, 0, 0), (4, 0, 1), (2, 1, 1), (3, 1, 1), (6, 1, 1), (70, 1, 1)]
)
def test_a_try_calls_a_failure_only_what_is_one(desk: Desk, code: int, early: int, last: int) -> None:
    """Held by another run, it is tried again in an hour; where no hour is left, a person must look."""
    (desk.place.landing / desk.yesterday.isoformat()).mkdir()
    desk.answers(f'[ "$1" = ready ] || exit {code}')
    assert (desk.fired(3).returncode, desk.fired(8).returncode) == (early, last)
    desk.answers('[ "$1" != ready ] || exit 2')  # a configuration that cannot be read is no file that is late
    assert desk.fired(3).returncode == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in ("creditaudit.service", "creditaudit.timer"):
        text = (DAGS / "systemd" / unit).read_text(encoding="utf-8")
        assert unit.endswith("timer") or "ExecStart=/opt/creditaudit/bin/creditaudit-nightly\n" in text
        text = text.replace("/opt/creditaudit/bin/creditaudit-nightly", str(DAGS / "creditaudit-nightly"))
        (tmp_path / unit).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            "--man=no",
            str(tmp_path / "creditaudit.service"),
            str(tmp_path / "creditaudit.timer"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = [line for line in done.stderr.splitlines() if "creditaudit" in line]
    assert (done.returncode, told) == (0, [])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_the_timer_means_the_hours_of_shanghai() -> None:
    text = (DAGS / "systemd" / "creditaudit.timer").read_text(encoding="utf-8")
    [when] = re.findall("OnCalendar=(.*)", text)
    done = subprocess.run(
        ["systemd-analyze", "calendar", when], capture_output=True, text=True, check=True, timeout=60, env={"TZ": "UTC"}
    )
    # In UTC, 02:15 to 08:15 of Shanghai are 18:15 to 00:15.
    assert re.search(r"Next elapse: \w+ [0-9-]+ (18|19|20|21|22|23|00):15:00 UTC", done.stdout), done.stdout
