"""The DAG under the real Airflow, which lives in an environment of its own (``make test-airflow`` makes it)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.layout import open_book

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


def fired(home: Path, *arguments: str, **more: str) -> dict[str, Any]:
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
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def house(place: Place, tmp_path: Path, *, code: int | None = None) -> dict[str, str]:
    """Name a house to the DAG; with ``code``, the command answers only that."""
    command = tmp_path / "creditaudit"
    told = '{"note": "night 2026-11-15 degraded: openings: no file"}'
    if code is None:
        text = f'#!/bin/sh\nexec "{ROOT}/.venv/bin/python" -m creditaudit.cli "$@"\n'
    else:
        text = f"#!/bin/sh\necho '{told}' >&2\n[ \"$1\" = verify ] && echo sound && exit 0\nexit {code}\n"
    command.write_text(text, encoding="utf-8")
    command.chmod(0o700)
    return {
        "CREDITAUDIT_BIN": str(command),
        "CREDITAUDIT_BOOK": str(place.book),
        "CREDITAUDIT_LANDING": str(ROOT / "data" / "samples" / "landing"),
        "CREDITAUDIT_KEY_FILE": str(place.key),
        "PYTHONPATH": str(ROOT / "pipelines"),
    }


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


def test_a_sample_night_is_sealed_under_its_business_date(airflow_home: Path, place: Place, tmp_path: Path) -> None:
    # 02:15 of the 16th in Shanghai is the 15th in UTC, too: the night is the day before it, in Shanghai.
    found = fired(airflow_home, "run", **house(place, tmp_path))
    assert found["state"] == "success", found
    assert [night.isoformat() for night in open_book(place.book).sealed] == ["2026-11-15"]
    assert found["said"]["night"] == "2026-11-15"


def test_a_night_may_be_named(airflow_home: Path, place: Place, tmp_path: Path) -> None:
    found = fired(airflow_home, "run", "2026-11-17", **house(place, tmp_path, code=0))
    assert found["said"]["night"] == "2026-11-17"


@pytest.mark.parametrize(
    ("code", "state"), [(1, "success"), (5, "success"), (6, "failed"), (3, "failed"), (4, "failed")]
)
def test_exit_codes_are_what_airflow_knows(
    airflow_home: Path, place: Place, tmp_path: Path, code: int, state: str
) -> None:
    # With another try at hand: what is not worth one fails at once, what is held is tried again.
    more = {"CREDITAUDIT_RETRIES": "1", "CREDITAUDIT_RETRY_SECONDS": "0"}
    found = fired(airflow_home, "run", **house(place, tmp_path, code=code) | more)
    assert found["states"]["run_night"] == state, found
    assert found["tries"]["run_night"] == (2 if code == 4 else 1)
    assert (found["note"] is not None) == (code == 5)
    assert found["states"]["verify"] == ("success" if state == "success" else "upstream_failed")
