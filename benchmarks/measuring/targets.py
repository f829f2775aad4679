"""The targets of the project, and whether results meet them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from statistics import median
from typing import TYPE_CHECKING

from measuring.tables import size, sorted_by_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from measuring.tables import Results, Rows

MILLION = 1_000_000
# In a smaller run the start of a night outweighs its work: it would fail the ratios and pass the doubling for nothing.
LEAST = MILLION
TOO_SMALL = "too small to say"


@dataclass(frozen=True)
class Target:
    """One bound.

    Attributes
    ----------
    text
        What is bounded.
    bound
        Highest figure that is allowed.
    figure
        Gives the figure of one run, None where the run did not measure it.
    shown
        How a figure is written.
    accounts
        The size at which the bound was set; None: any.
    """

    text: str
    bound: float
    figure: Callable[[Results], float | None]
    shown: str = "{:.2f}"
    accounts: int | None = None


def _ratio(name: str) -> Callable[[Results], float | None]:
    def figure(results: Results) -> float | None:
        found = results["ratios"].get(name)
        return None if found is None else float(found["wall"])

    return figure


# Steps 6 and 7 of a night: they grow with the cases that there are.
_LAST_STEPS = frozenset({"report", "seal"})


def _first_steps(results: Results) -> float | None:
    """Return the wall time of an ordinary night's steps 1 to 5, as a share of the full one's."""
    if not {"full", "ordinary"} <= set(results["stages"]):
        return None

    def seconds(night: str) -> float:
        rounds = results["stages"][night]
        return median(sum(s["seconds"] for s in stages if s["name"] not in _LAST_STEPS) for stages in rounds)

    return seconds("ordinary") / seconds("full")


def _peak_gib(results: Results) -> float:
    nights = [n for n in ("full", "ordinary") if n in results["runs"]]
    return max(float(median(results["runs"][n]["peak_mib"])) for n in nights) / 1024


TARGETS = (
    Target("full night / DuckDB script", 3.0, _ratio("full/duckdb")),
    Target("ordinary night / full night", 0.15, _ratio("ordinary/full"), "{:.1%}", 10 * MILLION),
    Target("the same, steps 1 to 5", 0.15, _first_steps, "{:.1%}", 10 * MILLION),
    Target("ordinary night / full night", 0.08, _ratio("ordinary/full"), "{:.1%}", 50 * MILLION),
    Target("the same, steps 1 to 5", 0.08, _first_steps, "{:.1%}", 50 * MILLION),
    Target("peak memory of a night, GiB", 3.0, _peak_gib, accounts=10 * MILLION),
    Target("peak memory of a night, GiB", 4.0, _peak_gib, accounts=50 * MILLION),
    Target("intake / typed CSV to Parquet", 1.5, _ratio("intake/csv")),
)
DOUBLING = 2.1


def targets_table(many: Sequence[Results]) -> Rows:
    """One row per target: the figure of the largest run to which it applies, and whether it is met."""
    ordered = sorted_by_size(many)
    rows = [["target", "at", "bound", "measured", "met"]]
    for target in TARGETS:
        at = "any size" if target.accounts is None else f"{target.accounts // MILLION} M accounts"
        row = [target.text, at, f"≤ {target.shown.format(target.bound)}"]
        rows.append([*row, *_answer(target, ordered)])
    rows.append(["wall time of a full night when rows double", "any size", f"≤ {DOUBLING:.2f} ×", *_doubling(ordered)])
    return rows


def _answer(target: Target, ordered: Sequence[Results]) -> list[str]:
    asked = [results for results in ordered if target.accounts in {None, results["delivery"]["accounts"]}]
    measured = [(target.figure(results), results) for results in asked]
    told = [(figure, results) for figure, results in measured if figure is not None]
    if not told:
        return ["not measured at this size", "open"]
    figure, results = told[-1]
    return [f"{target.shown.format(figure)} at {size(results)}", _met(figure, target.bound, results)]


def _met(figure: float, bound: float, results: Results) -> str:
    if results["delivery"]["accounts"] < LEAST:
        return TOO_SMALL
    return "yes" if figure <= bound else "no"


def _doubling(ordered: Sequence[Results]) -> list[str]:
    """Compare the two largest runs; a growth of the rows other than twofold is brought to that of one doubling."""
    if len(ordered) < 2:
        return ["needs two sizes", "open"]
    small, large = ordered[-2:]
    growth = median(large["runs"]["full"]["wall"]) / median(small["runs"]["full"]["wall"])
    doublings = log2(large["delivery"]["accounts"] / small["delivery"]["accounts"])
    if doublings <= 0:
        return ["needs two sizes", "open"]
    each = growth ** (1 / doublings)
    return [f"{each:.2f} × from {size(small)} to {size(large)}", _met(each, DOUBLING, small)]
