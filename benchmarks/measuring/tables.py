"""Results as ratios and as tables: for the terminal, and for ``docs/performance.md``."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Results = dict[str, Any]
Rows = list[list[str]]

PAIRS = (
    ("full", "duckdb", "full night / DuckDB script"),
    ("full", "polars", "full night / Polars script"),
    ("full", "pandas", "full night / pandas script"),
    ("full", "scan", "full night / bare scan"),
    ("full", "csv", "full night / typed CSV to Parquet of two feeds"),
    ("intake", "csv", "intake / typed CSV to Parquet, the same two feeds"),
    ("ordinary", "full", "ordinary night / full night"),
    ("damaged", "full", "full night with damage / without"),
)
ORDER = ("scan", "csv", "intake", "duckdb", "polars", "pandas", "full", "damaged", "ordinary")


def ratios(results: Results) -> dict[str, dict[str, float]]:
    """Return for each pair that was measured the ratio of the medians of wall time, CPU time and peak memory."""
    runs = results["runs"]
    return {
        f"{one}/{other}": {
            of: round(median(runs[one][of]) / median(runs[other][of]), 3) for of in ("wall", "cpu", "peak_mib")
        }
        for one, other, _ in PAIRS
        if one in runs and other in runs
    }


def runs_table(results: Results) -> Rows:
    """One row per program: median and range of wall time, CPU time, peak memory, rows a second."""
    rows = [["program", "wall s", "min to max", "CPU s", "peak MiB", "accounts/s"]]
    accounts = next(iter(results["delivery"]["rows"].values()))["accounts"]
    for name in (n for n in ORDER if n in results["runs"]):
        run = results["runs"][name]
        wall = median(run["wall"])
        speed = f"{accounts / wall:,.0f}" if name != "ordinary" else ""
        span = f"{min(run['wall']):.2f} to {max(run['wall']):.2f}"
        cpu, peak = median(run["cpu"]), median(run["peak_mib"])
        rows.append([run["what"], f"{wall:.2f}", span, f"{cpu:.2f}", f"{peak:,.0f}", speed])
    return rows


WIDTH = 40


def chart(results: Results) -> str:
    """Return one bar per program, as long as its median CPU time is, for a page in a fixed font."""
    runs = [results["runs"][name] for name in ORDER if name in results["runs"]]
    spent = [median(run["cpu"]) for run in runs]
    names = max(len(run["what"]) for run in runs)
    bars = (("█" * round(WIDTH * cpu / max(spent))) or "▏" for cpu in spent)
    return "\n".join(
        f"{run['what']:<{names}}  {bar:<{WIDTH}}  {cpu:>9,.1f} s"
        for run, bar, cpu in zip(runs, bars, spent, strict=True)
    )


def ratios_table(many: Sequence[Results]) -> Rows:
    """One row per ratio, one column per size: wall, and CPU in brackets."""
    rows = [["ratio: wall (CPU)", *(size(results) for results in many)]]
    for one, other, title in PAIRS:
        found = [results["ratios"].get(f"{one}/{other}") for results in many]
        if any(found):
            rows.append([title, *(f"{r['wall']:.2f} ({r['cpu']:.2f})" if r else "" for r in found)])
    return rows


def stages_table(results: Results) -> Rows:
    """One row per stage: median seconds and share of each night's stages, and the peak memory reached by its end."""
    nights = [name for name in ("full", "ordinary") if name in results["stages"]]
    head = [text for name in nights for text in (f"{name}: s", "share", "peak MiB")]
    cells: dict[str, dict[str, list[str]]] = {}
    for name in nights:
        rounds = results["stages"][name]
        seconds = {s["name"]: median(_of(rounds, s["name"], "seconds")) for s in rounds[0]}
        total = sum(seconds.values()) or 1.0
        for stage, spent in seconds.items():
            peak = median(_of(rounds, stage, "peak_mib"))
            cells.setdefault(stage, {})[name] = [f"{spent:.2f}", f"{spent / total:.0%}", f"{peak:,.0f}"]
    return [
        ["stage", *head],
        *([stage, *(c for name in nights for c in of.get(name, [""] * 3))] for stage, of in cells.items()),
    ]


def _of(rounds: Iterable[list[dict[str, Any]]], stage: str, key: str) -> list[float]:
    return [entry[key] for entries in rounds for entry in entries if entry["name"] == stage]


def size(results: Results) -> str:
    """Name the size of a run."""
    return f"{results['delivery']['accounts']:,} accounts"


def sorted_by_size(many: Iterable[Results]) -> list[Results]:
    """Return results from the smallest delivery to the largest."""
    return sorted(many, key=lambda results: int(results["delivery"]["accounts"]))


def as_text(results: Results) -> str:
    """Return the tables of one run for a terminal."""
    answer = results["answer"]
    said = [
        f"{size(results)}, {results['threads']} threads, {len(results['runs']['full']['wall'])} rounds",
        f"same answer: {answer['rows']} findings ({answer['by_verdict']}); compared: {answer['subset']};"
        f" {answer['left_out']} left out",
        *(aligned(table) for table in (runs_table(results), ratios_table([results]), stages_table(results))),
    ]
    return "\n\n".join(said)


def aligned(rows: Rows) -> str:
    """Return a table for a terminal, numbers to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.ljust(w) if at == 0 else c.rjust(w) for at, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(rows: Rows) -> str:
    """Return a table for a Markdown page, numbers to the right."""
    head, *body = rows
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *body))
