"""How the worth of an order is told, from figures made by hand: nothing is run here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from creditaudit.synth.presets import PRESETS

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "score_worth.py"


def _figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value / 2, "high": value * 2}


def _night(ours: int, by_tier: int) -> dict[str, Any]:
    depths = ("50", "200", "1000")
    order = {
        "precision": {depth: _figure(0.25) for depth in depths},
        "recall_at_budget": _figure(0.5),
        "thefts_in_top": dict.fromkeys(depths, ours),
    }
    orders = dict.fromkeys(("score", "newest_first", "largest_first", "isolation_forest"), order)
    return {
        "leads": 900,
        "thefts": 90,
        "orders": {**orders, "tier_only": {**order, "thefts_in_top": dict.fromkeys(depths, by_tier)}},
        "against_tier_only": {depth: _figure(ours / by_tier) for depth in depths},
        "parity": {
            "age": [
                {"group": "25 to 34", "thefts": 30, "own": 40, "days_to_review": 1.5, "false_flags": 0.1},
                {"group": "35 to 44", "thefts": None, "own": 40, "days_to_review": None, "false_flags": 0.2},
            ]
        },
    }


def _told(folder: Path, found: dict[str, int]) -> tuple[int, str]:
    """Judge worlds in which tier only finds 20; the one that was tuned on is told, and counts for nothing."""
    worlds = {
        name: {"formula": _night(30, 20), "model": _night(found.get(name, 1 if p.tuned_on else 80), 20)}
        for name, p in PRESETS.items()
    }
    results = folder / "results.json"
    results.write_text(json.dumps(worlds), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "--results", str(results)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        ({"alone": 30}, 0, "1.50 in the worst (at least 1.5 wanted), 4.00 in the median (at least 3.0 wanted): met"),
        (
            {"alone": 29, **dict.fromkeys(list(PRESETS)[1:6], 60)},
            1,
            "1.45 in the worst (at least 1.5 wanted), 3.00 in the median (at least 3.0 wanted): MISSED",
        ),
    ],
)
def test_worst_and_median_of_the_presets_that_were_not_tuned_on_decide(
    found: dict[str, int], code: int, words: str, tmp_path: Path
) -> None:
    ended, said = _told(tmp_path, found)
    assert words in said
    assert ended == code
    assert "labelled sets: skipped" in said
    assert "| age | 35 to 44 | hidden | 40 |  | 0.2 |" in said.splitlines()
