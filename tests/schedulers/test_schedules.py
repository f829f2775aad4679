"""The examples for cron and systemd are run, or checked, as they are shipped."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from place import Place

DAGS = Path(__file__).resolve().parents[2] / "pipelines" / "dags"


def cron() -> tuple[dict[str, str], str]:
    """Return the variables and the command of the shipped cron file."""
    lines = [line for line in (DAGS / "creditaudit.cron").read_text(encoding="utf-8").splitlines() if line]
    said = [line for line in lines if not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in said if re.match("[A-Z_]+=", line))
    [entry] = [line for line in said if not re.match("[A-Z_]+=", line)]
    return variables, entry.split(maxsplit=5)[5]


def run_line(line: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a line as cron does: by sh, with nothing in the environment but the file's own variables."""
    assert not re.search(r"(?<!\\)%", line)  # cron would end the line there
    return subprocess.run(
        ["/bin/sh", "-c", line.replace("\\%", "%")],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_cron_line_runs_pending_nights_in_an_empty_environment(place: Place, tmp_path: Path) -> None:
    variables, line = cron()
    command = tmp_path / "creditaudit"
    pipelines = DAGS.parent
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH="{pipelines}" exec "{sys.executable}" -m creditaudit.cli "$@"\n', encoding="utf-8"
    )
    command.chmod(0o700)
    for shipped, own in (
        ("/opt/creditaudit/bin/creditaudit", command),
        ("/srv/creditaudit/book", place.book),
        ("/srv/creditaudit/landing", place.landing),
    ):
        assert shipped in line
        line = line.replace(shipped, str(own))
    done = run_line(line, variables | {"CREDITAUDIT_KEY_FILE": str(place.key)})
    assert (done.returncode, done.stdout) == (0, "")
    assert "no night is pending" in done.stderr
    (place.landing / "2026-11-20" / "accounts").mkdir(parents=True)
    (place.landing / "2026-11-20" / "accounts" / "a.csv").write_bytes(b"")  # of zero bytes: the night is refused
    refused = run_line(line, variables | {"CREDITAUDIT_KEY_FILE": str(place.key)})
    assert refused.returncode == 1
    assert "refused" in refused.stderr


@pytest.mark.parametrize(("code", "told"), [(0, 0), (5, 0), (4, 0), (2, 1), (3, 1), (6, 1), (70, 1)])
def test_cron_calls_a_failure_only_what_is_one(tmp_path: Path, code: int, told: int) -> None:
    variables, line = cron()
    command = tmp_path / "creditaudit"
    command.write_text(f"#!/bin/sh\nexit {code}\n", encoding="utf-8")
    command.chmod(0o700)
    line = line.replace("/opt/creditaudit/bin/creditaudit", str(command))
    assert run_line(line, variables).returncode == told


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in ("creditaudit.service", "creditaudit.timer"):
        text = (DAGS / "systemd" / unit).read_text(encoding="utf-8")
        # The command is looked for: here it is one that is there.
        (tmp_path / unit).write_text(text.replace("/opt/creditaudit/bin/creditaudit", "/bin/true"), encoding="utf-8")
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
