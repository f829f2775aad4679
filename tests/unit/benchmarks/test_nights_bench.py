"""What the year of nights is judged by, on logs made by hand: nothing is run here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "nights_bench.py"


def _night(number: int, seconds: float, state: str = "changes", **more: Any) -> dict[str, Any]:
    stages = {"receive": seconds / 2, "judge": seconds / 2, "report": 1.0}
    cost = {"wall": seconds + 1, "cpu": seconds + 1, "peak_mib": 500 + number}
    return {"night": f"N{number}", "state": state, "note": "", "stages": stages, **cost, **more}


def _report(tmp_path: Path, nights: list[dict[str, Any]]) -> tuple[int, str]:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(night) + "\n" for night in nights), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "--report", "--log", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_an_ordinary_night_stands_beside_the_full_one_by_stage(tmp_path: Path) -> None:
    code, said = _report(tmp_path, [_night(0, 20.0, "complete"), _night(1, 2.0), _night(2, 4.0)])
    assert code == 0
    assert ["stages", "1", "to", "5", "20.00", "3.00", "15.0%"] in [line.split() for line in said.splitlines()]
    assert "ordinary at most 502 MiB" in said
    assert "fewer than 60 ordinary nights" in said


def test_a_book_that_slows_its_nights_is_told_by_the_exit_code(tmp_path: Path) -> None:
    first, early = _night(0, 20.0, "complete"), [_night(n, 3.0) for n in range(1, 31)]
    for late, code in ((4.0, 0), (5.5, 1)):
        found, said = _report(tmp_path, [first, *early, *(_night(n, late) for n in range(31, 61))])
        assert found == code, said
        assert f"{(late + 1) / 4:.2f} x the wall time" in said


def test_complete_states_stand_beside_their_bare_write(tmp_path: Path) -> None:
    stages = {"receive": 4.0, "judge": 3.0, "complete states": 5.5}
    whole = _night(3, 8.0, "complete", bare={"wall": 5.0, "cpu": 5.0}, stages=stages)
    _, said = _report(tmp_path, [_night(0, 20.0, "complete"), _night(1, 2.0), _night(2, 2.0), whole, _night(4, 9.0)])
    assert "N3 wrote complete states: 6.00 s more than the usual ordinary night before it, 1.20 x" in said
    assert "to write them took 5.50 s, 1.10 x" in said
