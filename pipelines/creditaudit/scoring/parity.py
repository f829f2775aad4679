"""Whether an order makes some groups of people wait longer, or suspects them more often, than others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from creditaudit.scoring.leads import Leads

SMALLEST: Final = 5
"""Cells that rest on fewer leads are hidden."""
HIDDEN: Final = "hidden"


def parity(leads: Leads, order: npt.NDArray[np.int64], budget: int) -> dict[str, list[dict[str, Any]]]:
    """Compare groups by region, size of the institution and age band.

    Parameters
    ----------
    leads, order
        The leads, and their indexes with the first to look at first.
    budget
        Leads that are looked at in a day.

    Returns
    -------
    By trait, one mapping for each group, by name: ``thefts`` and ``own`` (leads that are none); ``days_to_review`` of
    the thefts, their mean (a lead of the first day counts 1), and ``false_flags``, the share of the group's own leads
    that the first day takes. A cell that rests on fewer than 5 leads is None, and so is what it gives; where the
    total would tell it, because it is the only one or those that are None are fewer than 5 leads together, the next
    smallest are None as well.
    """
    day = np.empty(len(leads), dtype=np.int64)
    day[order] = 1 + np.arange(len(leads)) // budget
    return {trait: _cells(groups, leads.is_theft, day) for trait, groups in leads.groups.items()}


def _cells(
    groups: npt.NDArray[np.str_], is_theft: npt.NDArray[np.bool_], day: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    names = np.unique(groups).tolist()
    thefts, own = ([day[(groups == name) & which] for name in names] for which in (is_theft, ~is_theft))
    shows_thefts, shows_own = (_shown([len(days) for days in column]) for column in (thefts, own))
    return [
        {
            "group": name,
            "thefts": len(thefts[n]) if shows_thefts[n] else None,
            "own": len(own[n]) if shows_own[n] else None,
            "days_to_review": round(float(thefts[n].mean()), 2) if shows_thefts[n] else None,
            "false_flags": round(float((own[n] == 1).mean()), 4) if shows_own[n] else None,
        }
        for n, name in enumerate(names)
    ]


def _shown(counts: list[int]) -> list[bool]:
    """Say which cells of a column are shown: none below 5, and never so many that the total tells what is hidden."""
    shown = [count >= SMALLEST for count in counts]
    for _, n in sorted((count, n) for n, count in enumerate(counts) if shown[n]):
        hidden = [count for count, is_shown in zip(counts, shown, strict=True) if not is_shown]
        if not hidden or sum(hidden) >= SMALLEST:  # one alone never is so many
            break
        shown[n] = False
    return shown


def parity_lines(told: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the groups as Markdown tables; what is hidden is said, and what rests on it empty."""
    lines: list[str] = []
    for trait, cells in told.items():
        lines += [
            f"| {trait:<28} | thefts | own leads | mean days to review | own leads taken on the first day |",
            f"|{'-' * 30}|-------:|----------:|--------------------:|---------------------------------:|",
        ]
        for cell in cells:
            counts = [HIDDEN if cell[name] is None else str(cell[name]) for name in ("thefts", "own")]
            days = "" if cell["days_to_review"] is None else f"{cell['days_to_review']:.2f}"
            flags = "" if cell["false_flags"] is None else f"{cell['false_flags']:.3f}"
            lines.append(f"| {cell['group']:<28} | {counts[0]:>6} | {counts[1]:>9} | {days:>19} | {flags:>32} |")
        lines.append("")
    return lines[:-1]
