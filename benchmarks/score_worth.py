"""What the order of the queue is worth: ``python benchmarks/score_worth.py [--adbench DIR] [--write]``.

For each preset of the desk's worlds: a delivery, its first night (ordered by the formula), a model trained on it
without labels, the second night (ordered by the model), and both judged by the truth. With a folder of labelled sets,
the scorer that needs no labels on each of them, beside an isolation forest. ``--write`` puts the tables into
``docs/scoring.md``, between marks.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from creditaudit.scoring.benchmark import as_json, as_lines, run_benchmark
from creditaudit.scoring.parity import HIDDEN
from creditaudit.synth.presets import PRESETS
from render import rendered

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scoring.md"
FIRST, SECOND = "2026-11-15", "2026-11-16"
LEAST, LEAST_MEDIAN, DEPTH = 1.5, 3.0, "200"
WITHIN = 0.02
ORDERS = ("score", "tier_only", "newest_first", "largest_first", "isolation_forest")


def say(words: list[str], key: Path) -> str:
    """Run one command of creditaudit and return what it printed; a night may be degraded (exit 5)."""
    done = subprocess.run(
        [sys.executable, "-m", "creditaudit.cli", *words],
        env={**os.environ, "CREDITAUDIT_KEY_FILE": str(key)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 5}:
        raise SystemExit(f"creditaudit {' '.join(words[:2])} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def judged(preset: str, accounts: int, seed: int, folder: Path) -> dict[str, Any]:
    """Make one world, run its nights, and return what the order of each is worth: ``formula`` and ``model``."""
    book, key = folder / "book", folder / "key"
    size = ["--accounts", str(accounts), "--nights", "2", "--seed", str(seed)]
    say(["synth", "--preset", preset, "--out", str(folder), *size], key)
    say(["keys", "demo", str(key)], key)
    say(["init", str(book), "--reference", str(folder / "reference"), "--mandate", "synthetic data only"], key)
    there = ["--book", str(book)]
    told = {}
    for night, name in ((FIRST, "formula"), (SECOND, "model")):
        say(["night", *there, "--landing", str(folder / "landing"), "--night", night], key)
        words = ["score", "evaluate", *there, "--truth", str(folder / "truth"), "--night", night, "--format", "json"]
        told[name] = json.loads(say(words, key))
        if name == "formula":
            say(["score", "train", *there, "--from", night, "--to", night, "--by", "evaluation"], key)
    return told


def preset_tables(worlds: dict[str, dict[str, Any]]) -> list[str]:
    """Return the tables of the presets: thefts in the top 200, precision and recall, and parity by age."""
    lines = [
        "| preset | what is off | leads | thefts | tier only | formula | model | forest | formula / tier"
        " | model / tier |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, told in worlds.items():
        model, formula = told["model"], told["formula"]
        found = {order: model["orders"][order]["thefts_in_top"][DEPTH] for order in ORDERS}
        first = formula["orders"]["score"]["thefts_in_top"][DEPTH]
        mark = " (tuned on)" if PRESETS[name].tuned_on else ""
        lines.append(
            f"| `{name}`{mark} | {PRESETS[name].changed} | {model['leads']} | {model['thefts']} | {found['tier_only']}"
            f" | {first} | {found['score']} | {found['isolation_forest']}"
            f" | {_ratio(formula)} | {_ratio(model)} |"
        )
    lines += ["", *_verdict(worlds), "", "Ordered by the model:", ""]
    lines += [
        "| preset | order | precision at 50 | at 200 | at 1000 | recall at 200 |",
        "|---|---|---|---|---|---|",
    ]
    for name, told in worlds.items():
        for order in ORDERS:
            figures = told["model"]["orders"][order]
            cells = [*figures["precision"].values(), figures["recall_at_budget"]]
            lines.append(f"| `{name}` | {order} | " + " | ".join(_cell(cell) for cell in cells) + " |")
    return lines


def parity_table(worlds: dict[str, dict[str, Any]]) -> list[str]:
    """Return the groups of the preset that was tuned on."""
    [name] = [name for name in worlds if PRESETS[name].tuned_on]
    lines = [
        "| trait | group | thefts | own leads | mean days to review | own leads taken on the first day |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for trait, cells in worlds[name]["model"]["parity"].items():
        for cell in cells:
            values = [cell[part] for part in ("thefts", "own", "days_to_review", "false_flags")]
            told = [
                HIDDEN if value is None and place < 2 else "" if value is None else str(value)
                for place, value in enumerate(values)
            ]
            lines.append(f"| {trait} | {cell['group']} | {' | '.join(told)} |")
    return lines


def _kept(results: Path | None) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if results is not None and results.exists():
        found = json.loads(results.read_text(encoding="utf-8"))
    return found


def _ratio(told: dict[str, Any]) -> str:
    ratio = told["against_tier_only"][DEPTH]
    return "none by tier" if ratio is None else f"{ratio['value']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


def _cell(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def _verdict(worlds: dict[str, dict[str, Any]]) -> list[str]:
    """Say whether the targets are met by the presets that were not tuned on."""
    ratios = []
    for name, told in worlds.items():
        if not PRESETS[name].tuned_on:
            ratio = told["model"]["against_tier_only"][DEPTH]
            ratios.append(float("inf") if ratio is None else ratio["value"])
    if not ratios:
        return []
    least, middle = min(ratios), statistics.median(ratios)
    met = "met" if least >= LEAST and middle >= LEAST_MEDIAN else "MISSED"
    return [
        f"Of the {len(ratios)} presets that were not tuned on, thefts in the top {DEPTH} for one by tier only:"
        f" {least:.2f} in the worst (at least {LEAST} wanted), {middle:.2f} in the median (at least {LEAST_MEDIAN}"
        f" wanted): {met}."
    ]


def adbench_table(folder: Path) -> list[str]:
    """Return the table of the labelled sets and whether the target is met."""
    sets = run_benchmark(folder)
    mean = as_json(sets)["mean"]
    gap = mean["isolation_forest"]["auroc"] - mean["auroc"]
    met = "met" if gap <= WITHIN else "MISSED"
    told = f"Mean AUROC {mean['auroc']:.4f}, the forest's {mean['isolation_forest']['auroc']:.4f}"
    side = f"{gap:.4f} below" if gap > 0 else f"{-gap:.4f} above"
    return [*as_lines(sets), "", f"{told}: {side} it (at most {WITHIN} below wanted): {met}."]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adbench", help="folder of .npz files with X and y")
    parser.add_argument("--accounts", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--preset", action="append", choices=list(PRESETS), help="these alone (default: all)")
    parser.add_argument(
        "--results", type=Path, help="keep figures in this file; presets that are in it are not run again"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scoring.md")
    asked = parser.parse_args()
    worlds = _kept(asked.results)
    for name in asked.preset or PRESETS:
        if name not in worlds:
            with tempfile.TemporaryDirectory() as scratch:
                worlds[name] = judged(name, asked.accounts, asked.seed, Path(scratch))
            if asked.results:
                asked.results.write_text(json.dumps(worlds), encoding="utf-8")
        print(f"{name}: {_ratio(worlds[name]['model'])} by tier only's", file=sys.stderr, flush=True)
    worlds = {name: worlds[name] for name in PRESETS if name in worlds}
    parts = {"presets": preset_tables(worlds)}
    if "all_signals" in worlds:
        parts["parity"] = parity_table(worlds)
    if asked.adbench:
        parts["adbench"] = adbench_table(Path(asked.adbench))
    else:
        print("labelled sets: skipped (no ADBENCH=DIR)")
    for lines in parts.values():
        print("\n".join([*lines, ""]))
    if asked.write:
        page = rendered(PAGE.read_text(encoding="utf-8"), {name: "\n".join(lines) for name, lines in parts.items()})
        PAGE.write_text(page, encoding="utf-8")
    return int(any("MISSED" in line for lines in parts.values() for line in lines))


if __name__ == "__main__":
    raise SystemExit(main())
