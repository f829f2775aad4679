"""What the order of the queue is worth on a night with truth, beside the orders that a desk would use today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from creditaudit.errors import UsageError
from creditaudit.scoring.benchmark import FOREST_SEEDS, forest_scores
from creditaudit.scoring.leads import read_leads
from creditaudit.scoring.parity import parity, parity_lines

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.scoring.leads import Leads

DEPTHS: Final = (50, 200, 1000)
"""How many leads are looked at where precision is asked; of fewer leads, all of them."""
BUDGET: Final = 200
"""Leads that a desk looks at in a day, where nobody says otherwise."""
RESAMPLES: Final = 500
"""Persons are drawn anew so often for an interval."""
_SEED = 20_261_120
_LOW, _HIGH = 2.5, 97.5

SCORE, TIER_ONLY = "score", "tier_only"


@dataclass(frozen=True)
class Figure:
    """A measure with the interval that holds it in 95 of 100 draws of the persons."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Return the three, rounded to 4 decimals."""
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def orders_of(leads: Leads) -> dict[str, npt.NDArray[np.int64]]:
    """Return the orders by name: indexes of the leads, first to look at first; ties by ``turn``."""
    keys = {
        SCORE: -leads.priority,
        "newest_first": _last_if_unknown(-leads.moment),
        "largest_first": _last_if_unknown(-leads.amount),
        TIER_ONLY: leads.tier,
        "isolation_forest": -_forest(leads.features),
    }
    return {name: np.lexsort((leads.turn, key)) for name, key in keys.items()}


def _last_if_unknown(key: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.isnan(key), np.inf, key)


def _forest(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Score by isolation forests, the mean over their seeds; a forest of this kind is given medians for unknowns."""
    filled = features.copy()
    for column in filled.T:
        known = column[~np.isnan(column)]
        column[np.isnan(column)] = np.median(known) if len(known) else 0.0
    scores: npt.NDArray[np.float64] = np.mean([forest_scores(filled, seed) for seed in FOREST_SEEDS], axis=0)
    return np.round(scores, 9)


def _draws(leads: Leads) -> npt.NDArray[np.int64]:
    """Return how often each lead is there: first as it is, then in each resample; shape (1 + resamples, leads)."""
    persons = int(leads.person.max()) + 1
    rng = np.random.Generator(np.random.PCG64(_SEED))
    times = rng.multinomial(persons, np.full(persons, 1 / persons), size=RESAMPLES)
    return np.concatenate([np.ones((1, len(leads)), np.int64), times[:, leads.person]])


def found_at(
    order: npt.NDArray[np.int64],
    is_theft: npt.NDArray[np.bool_],
    times: npt.NDArray[np.int64],
    depth: int,
) -> npt.NDArray[np.float64]:
    """Return the thefts among the first `depth` leads, in each draw.

    Parameters
    ----------
    order, is_theft
        Indexes of the leads, first to look at first; the truth of each lead.
    times
        How often each lead is there, one row a draw. One that is there several times stands that often in the order.
    """
    seen = np.cumsum(times[:, order], axis=1)
    taken = np.diff(np.minimum(seen, depth), axis=1, prepend=0)
    found: npt.NDArray[np.float64] = (taken * is_theft[order]).sum(axis=1).astype(np.float64)
    return found


def _figure(draws: npt.NDArray[np.float64]) -> Figure:
    low, high = np.percentile(draws[1:], (_LOW, _HIGH))
    return Figure(float(draws[0]), float(low), float(high))


def evaluate_leads(leads: Leads, budget: int = BUDGET) -> dict[str, Any]:
    """Judge the orders of a night's leads.

    Parameters
    ----------
    leads
        With at least one theft and one lead that is none.
    budget
        Leads that the desk looks at in a day.

    Returns
    -------
    Plain values for JSON: ``night``, ``cases`` (which, in words), ``model`` (None: the formula), ``leads``, ``thefts``,
    ``budget``; ``orders``, by name: ``precision`` at each depth and ``recall_at_budget``, with intervals, and
    ``thefts_in_top`` (counts); ``against_tier_only``: by depth, thefts in the order of the score for each in that of
    the tiers (None: the latter has none); ``parity``.
    """
    times, orders = _draws(leads), orders_of(leads)
    size, thefts = times.sum(axis=1), (times * leads.is_theft).sum(axis=1)
    told: dict[str, Any] = {}
    found: dict[str, dict[int, npt.NDArray[np.float64]]] = {}
    for name, order in orders.items():
        found[name] = {depth: found_at(order, leads.is_theft, times, depth) for depth in (*DEPTHS, budget)}
        precision = {depth: _figure(found[name][depth] / np.minimum(depth, size)) for depth in DEPTHS}
        told[name] = {
            "precision": {str(depth): figure.as_dict() for depth, figure in precision.items()},
            "recall_at_budget": _figure(found[name][budget] / np.maximum(thefts, 1)).as_dict(),
            "thefts_in_top": {str(depth): int(found[name][depth][0]) for depth in DEPTHS},
        }
    return {
        "night": leads.night.isoformat(),
        "cases": leads.what,
        "model": leads.model,
        "leads": len(leads),
        "thefts": int(leads.is_theft.sum()),
        "budget": budget,
        "orders": told,
        "against_tier_only": {str(depth): _ratio(found[SCORE][depth], found[TIER_ONLY][depth]) for depth in DEPTHS},
        "parity": parity(leads, orders[SCORE], budget),
    }


def _ratio(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> dict[str, float] | None:
    if theirs[0] == 0:
        return None
    # A draw without one would divide by nothing: half a theft keeps it finite, and errs towards a wider interval.
    return _figure(np.where(theirs > 0, ours / np.maximum(theirs, 0.5), ours / 0.5)).as_dict()


def evaluate(
    book: Path, truth: Path, night: date | None = None, budget: int = BUDGET, *, all_cases: bool = False
) -> dict[str, Any]:
    """Judge the order of a sealed night's leads by the truth (:func:`evaluate_leads`).

    Raises
    ------
    UsageError
        The budget is below 1, or what :func:`creditaudit.scoring.leads.read_leads` says.
    """
    if budget < 1:
        raise UsageError("the budget is too small", why="no lead would be looked at", next_step="give 1 or more")
    return evaluate_leads(read_leads(book, truth, night, all_cases=all_cases), budget)


def evaluation_lines(told: dict[str, Any]) -> list[str]:
    """Return what :func:`evaluate` tells as Markdown tables that are also fit to be read on a terminal."""
    heads = [f"precision at {depth}" for depth in DEPTHS]
    lines = [
        f"night {told['night']}, {_ordered_by(told)}: {told['leads']} {told['cases']},"
        f" {told['thefts']} of them thefts; {told['budget']} looked at in a day",
        "",
        f"| {'order':<16} | {' | '.join(f'{head:<20}' for head in heads)} | {'recall at budget':<20} |",
        f"|{'-' * 18}|{('-' * 22 + '|') * 4}",
    ]
    for name, figures in told["orders"].items():
        cells = [figures["precision"][str(depth)] for depth in DEPTHS] + [figures["recall_at_budget"]]
        lines.append(f"| {name:<16} | {' | '.join(f'{_cell(cell):<20}' for cell in cells)} |")
    lines += ["", "thefts found by the score for one by tier only: " + _against(told["against_tier_only"]), ""]
    return lines + parity_lines(told["parity"])


def _ordered_by(told: dict[str, Any]) -> str:
    return "no model" if told["model"] is None else f"model {told['model'][:12]}"


def _cell(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def _against(ratios: dict[str, dict[str, float] | None]) -> str:
    return ", ".join(
        f"top {depth}: " + ("none by tier" if r is None else f"{r['value']:.2f} ({r['low']:.2f}–{r['high']:.2f})")
        for depth, r in ratios.items()
    )
