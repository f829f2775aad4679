"""Whether an order makes some groups of people wait longer, or suspects them more often, than others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from creditaudit.scoring.leads import Leads

SMALLEST: Final = 5
"""Cells that rest on fewer leads are hidden."""


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
    By trait, one mapping for each group, by name: ``thefts`` and ``own`` (leads that are none), None where fewer than
    5; ``days_to_review`` of the thefts, their mean (a lead of the first day counts 1), and ``false_flags``, the share
    of the group's own leads that the first day takes; None where they rest on fewer than 5 leads.
    """
    day = np.empty(len(leads), dtype=np.int64)
    day[order] = 1 + np.arange(len(leads)) // budget
    return {
        trait: [_cell(name, groups == name, leads.is_theft, day) for name in np.unique(groups).tolist()]
        for trait, groups in leads.groups.items()
    }


def _cell(
    name: str, mine: npt.NDArray[np.bool_], is_theft: npt.NDArray[np.bool_], day: npt.NDArray[np.int64]
) -> dict[str, Any]:
    thefts, own = day[mine & is_theft], day[mine & ~is_theft]
    return {
        "group": name,
        "thefts": len(thefts) if len(thefts) >= SMALLEST else None,
        "own": len(own) if len(own) >= SMALLEST else None,
        "days_to_review": round(float(thefts.mean()), 2) if len(thefts) >= SMALLEST else None,
        "false_flags": round(float((own == 1).mean()), 4) if len(own) >= SMALLEST else None,
    }


def parity_lines(told: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the groups as Markdown tables; what is hidden is ``<5``, and what rests on it empty."""
    lines: list[str] = []
    for trait, cells in told.items():
        lines += [
            f"| {trait:<28} | thefts | own leads | mean days to review | own leads taken on the first day |",
            f"|{'-' * 30}|-------:|----------:|--------------------:|---------------------------------:|",
        ]
        for cell in cells:
            counts = [f"<{SMALLEST}" if cell[name] is None else str(cell[name]) for name in ("thefts", "own")]
            days = "" if cell["days_to_review"] is None else f"{cell['days_to_review']:.2f}"
            flags = "" if cell["false_flags"] is None else f"{cell['false_flags']:.3f}"
            lines.append(f"| {cell['group']:<28} | {counts[0]:>6} | {counts[1]:>9} | {days:>19} | {flags:>32} |")
        lines.append("")
    return lines[:-1]
