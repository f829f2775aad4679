"""The DAG under the real Airflow, which lives in an environment of its own (``make test-airflow`` makes it)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from creditaudit.book.layout import open_book
from reference.small import ACCOUNT, EVENT, REPORT

if TYPE_CHECKING:
    from place import Place

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = os.environ.get("AIRFLOW_PYTHON", "")

pytestmark = pytest.mark.skipif(not AIRFLOW, reason="Airflow has an environment of its own: make test-airflow")


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Airflow's home, with its database."""
    home = tmp_path_factory.mktemp("airflow")
    command = [str(Path(AIRFLOW).with_name("airflow")), "db", "migrate"]
    subprocess.run(command, env=environment(home), check=True, capture_output=True, timeout=300)
    return home


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "pipelines" / "dags"),
        "CREDITAUDIT_RETRIES": "0",
    }


def fired(home: Path, *arguments: str, **more: str) -> Any:
    """Run the script of this folder in Airflow's environment and return its answer."""
    script = Path(__file__).with_name("fire_dag.py")
    done = subprocess.run(
        [AIRFLOW, str(script), *arguments],
        env=environment(home) | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def runs(home: Path, *nights: str, **more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fired(home, "run", *nights, **more)
    return found


def house(place: Place, tmp_path: Path, landing: Path, answers: str | None = None) -> dict[str, str]:
    """Name a house to the DAG; with ``answers``, the command says and does only that."""
    command = tmp_path / "creditaudit"
    text = f'exec "{ROOT}/.venv/bin/python" -m creditaudit.cli "$@"' if answers is None else answers
    command.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    command.chmod(0o700)
    return {
        "CREDITAUDIT_BIN": str(command),
        "CREDITAUDIT_BOOK": str(place.book),
        "CREDITAUDIT_LANDING": str(landing),
        "CREDITAUDIT_KEY_FILE": str(place.key),
        "PYTHONPATH": str(ROOT / "pipelines"),
    }


SAMPLES = ROOT / "data" / "samples" / "landing"
SOUND = '[ "$1" = verify ] && echo sound && exit 0'
DEGRADED = """echo '{"note": "night 2026-11-15 degraded: openings: no file"}' >&2"""


def test_it_is_parsed_and_runs_one_night_at_a_time_in_order(airflow_home: Path) -> None:
    found = fired(airflow_home, "settings", CREDITAUDIT_ALERT_TO="duty@example.org")
    assert found == {
        "catchup": True,
        "max_active_runs": 1,
        "depends_on_past": True,
        "zone": "Asia/Shanghai",
        "late_after_hours": [7.0],
        "retries": [0],
        "alerts": True,
    }


def test_sample_nights_are_sealed_one_after_the_other(airflow_home: Path, place: Place, tmp_path: Path) -> None:
    # 02:15 of the 16th in Shanghai is the 15th in UTC, too: the night is the day before it, in Shanghai.
    found = runs(airflow_home, "-", "-", **house(place, tmp_path, SAMPLES))
    assert [one["state"] for one in found] == ["success", "success"], found
    assert [night.isoformat() for night in open_book(place.book).sealed] == ["2026-11-15", "2026-11-16"]
    assert [one["said"]["night"] for one in found] == ["2026-11-15", "2026-11-16"]


def test_a_night_may_be_named_and_one_without_a_folder_is_passed_over(
    airflow_home: Path, place: Place, tmp_path: Path
) -> None:
    """The run after one that had nothing to read goes on."""
    said = house(place, tmp_path, SAMPLES, f"{SOUND}\nexit 0")
    named, empty, next_one = runs(airflow_home, "2026-11-17", "2026-10-01", "2026-11-18", **said)
    assert (named["said"]["night"], next_one["said"]["night"]) == ("2026-11-17", "2026-11-18")
    assert (empty["states"]["run_night"], empty["states"]["verify"]) == ("skipped", "skipped")


def test_a_night_whose_folder_comes_after_its_run_is_sealed_by_the_next_one(
    airflow_home: Path, place: Place, tmp_path: Path
) -> None:
    said = house(place, tmp_path, tmp_path / "late")
    shutil.copytree(SAMPLES / "2026-11-16", tmp_path / "late" / "2026-11-16")
    [empty] = runs(airflow_home, "2026-11-15", **said)
    assert (empty["states"]["run_night"], open_book(place.book).last) == ("skipped", None)
    shutil.copytree(SAMPLES / "2026-11-15", tmp_path / "late" / "2026-11-15")
    [found] = runs(airflow_home, "2026-11-16", **said)
    assert found["state"] == "success", found
    assert [night.isoformat() for night in open_book(place.book).sealed] == ["2026-11-15", "2026-11-16"]


@pytest.mark.parametrize(
    ("code", "state"), [(1, "success"), (5, "success"), *((code, "failed") for code in (2, 3, 4, 6, 70))]
)
def test_exit_codes_are_what_airflow_knows(
    airflow_home: Path, place: Place, tmp_path: Path, code: int, state: str
) -> None:
    # With another try at hand: what is not worth one fails at once, what is held is tried again.
    more = {"CREDITAUDIT_RETRIES": "1", "CREDITAUDIT_RETRY_SECONDS": "0"}
    [found] = runs(airflow_home, "-", **house(place, tmp_path, SAMPLES, f"{DEGRADED}\n{SOUND}\nexit {code}") | more)
    assert found["states"]["run_night"] == state, found
    assert found["tries"]["run_night"] == (2 if code in {4, 70} else 1)
    assert (found["note"] is not None) == (code == 5)
    assert found["states"]["verify"] == ("success" if state == "success" else "upstream_failed")


def test_a_try_after_one_that_was_held_succeeds(airflow_home: Path, place: Place, tmp_path: Path) -> None:
    flag = tmp_path / "held"
    more = {"CREDITAUDIT_RETRIES": "1", "CREDITAUDIT_RETRY_SECONDS": "0"}
    answers = f'{SOUND}\n[ "$1" = ready ] && exit 0\n[ -e "{flag}" ] && exit 0\ntouch "{flag}"; exit 4'
    [found] = runs(airflow_home, "-", **house(place, tmp_path, SAMPLES, answers) | more)
    assert (found["state"], found["tries"]["run_night"]) == ("success", 2), found


def test_the_sensor_waits_for_control_files_and_the_night_is_run_when_it_gives_up(
    airflow_home: Path, place: Place, tmp_path: Path
) -> None:
    """The real program: a file without its .ctl, and one whose .ctl is cut; the run after it goes on."""
    night = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)
    for feed, row in (("accounts", ACCOUNT), ("loss_reports", REPORT), ("invalid_cards", EVENT)):
        place.deliver(night, feed, [row])
    place.drop(night, "accounts", b'{"rows": 1', name="f.csv.ctl")  # half of it has come
    more = {"CREDITAUDIT_POKE_SECONDS": "1", "CREDITAUDIT_WAIT_SECONDS": "3"}
    said = house(place, tmp_path, place.landing)
    [found] = runs(airflow_home, night.isoformat(), **said | more)
    assert found["states"]["delivered"] == "skipped", found
    assert found["states"]["run_night"] == "failed"  # that .ctl refuses the file, and the feed has no other
    assert open_book(place.book).last is None
    place.drop(night, "accounts", b'{"rows": 1}', name="f.csv.ctl")
    [found] = runs(airflow_home, night.isoformat(), **said | more)
    assert (found["states"]["delivered"], found["state"]) == ("skipped", "success"), found
    assert open_book(place.book).last == night


def test_the_sensor_asks_again_until_all_has_come(airflow_home: Path, place: Place, tmp_path: Path) -> None:
    night = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)
    (place.landing / night.isoformat()).mkdir()
    flag = tmp_path / "came"
    answers = f'[ "$1" = ready ] && [ ! -e "{flag}" ] && touch "{flag}" && exit 5\n{SOUND}\nexit 0'
    more = {"CREDITAUDIT_POKE_SECONDS": "1", "CREDITAUDIT_WAIT_SECONDS": "60"}
    [found] = runs(airflow_home, night.isoformat(), **house(place, tmp_path, place.landing, answers) | more)
    assert (found["states"]["delivered"], found["state"], flag.exists()) == ("success", "success", True), found
