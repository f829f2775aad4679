"""The benchmark runs end to end on a small delivery, wants equal answers, and its tables can be written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
PROGRAMS = {"scan", "csv", "intake", "duckdb", "polars", "pandas", "full", "ordinary"}


def _run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bench_end_to_end(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    said = _run(
        "night_bench.py", "--accounts", "1000", "--repeat", "1", "--work", str(tmp_path / "work"), "--out", str(out)
    )
    results = json.loads(out.read_text(encoding="utf-8"))
    assert set(results["runs"]) == PROGRAMS
    for run in results["runs"].values():
        assert len(run["wall"]) == len(run["cpu"]) == len(run["peak_mib"]) == 1
        assert min(run["wall"][0], run["cpu"][0], run["peak_mib"][0]) > 0
    assert results["answer"]["rows"] > 20
    assert {name.split()[0] for name in results["answer"]["by_verdict"]} == {"R101", "R102"}
    assert {"full/duckdb", "full/scan", "intake/csv", "ordinary/full"} <= set(results["ratios"])
    stages = ["receive", "contract", "keys", "judge", "track", "report", "seal"]
    assert set(stages) <= {stage["name"] for stage in results["stages"]["full"][0]}
    assert str(tmp_path) not in json.dumps(results), "results are published: no paths of this machine"
    assert "same answer" in said

    page = tmp_path / "performance.md"
    page.write_text((BENCHMARKS.parent / "docs" / "performance.md").read_text(encoding="utf-8"), encoding="utf-8")
    _run("render.py", str(out), "--page", str(page))
    text = page.read_text(encoding="utf-8")
    assert results["command"] in text
    assert "| full night / DuckDB script | any size | ≤ 3.00 |" in text
    assert "Provisional" not in text
    _run("render.py", str(out), "--page", str(page))
    assert page.read_text(encoding="utf-8") == text
    _run("render.py", str(out), "--page", str(page), "--provisional")
    assert page.read_text(encoding="utf-8").count("**Provisional**") == 5


def test_different_answers_stop_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from measuring import answers  # noqa: PLC0415

    finding = ("P", "A", "loss_reports", "L1", "R101", "violation")
    other = (*finding[:5], "undecidable")
    night = answers.Answer(frozenset({finding}), 0)
    answers.assert_same("equal", frozenset({finding}), night)
    for found in (frozenset(), frozenset({other}), frozenset({finding, other})):
        with pytest.raises(answers.DifferentAnswerError, match="the night differ"):
            answers.assert_same("a script", found, night)
    with pytest.raises(answers.DifferentAnswerError, match="found nothing"):
        answers.assert_same("a script", frozenset(), answers.Answer(frozenset(), 0))
