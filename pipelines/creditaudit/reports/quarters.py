"""The table of institutions as it is shown: figures under five are hidden (SPEC 8.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from creditaudit.masking import without_numbers

if TYPE_CHECKING:
    import pyarrow as pa

# A figure below this one could point at a person.
SMALLEST_SHOWN: Final = 5

# A page is for reading; whoever wants every row opens the published table.
MOST_ROWS: Final = 300
_OF_ALL_ACCOUNTS: Final = "accounts_judged"


def shown(figure: int) -> str:
    """Return a figure as it may be shown outside the house: ``<5`` for 1 to 4."""
    return f"<{SMALLEST_SHOWN}" if 0 < figure < SMALLEST_SHOWN else str(figure)


def quarters_shown(institutions: pa.Table) -> tuple[list[dict[str, Any]], int]:
    """Return what a page shows per institution and quarter, and how many rows there was no room for.

    Institutions and quarters of which there is nothing to say but how many accounts were judged are left out of both.

    Parameters
    ----------
    institutions : pyarrow.Table
        Schema ``creditaudit.tables.INSTITUTIONS``.

    Returns
    -------
    rows : list of dict
        provider_code, quarter (``-``: no moment), figures (measure to figure as shown, in the table's order); the
        newest quarter first, without a moment last, then by institution.
    left_out : int
    """
    grouped: dict[tuple[str, str], dict[str, str]] = {}
    for row in institutions.to_pylist():
        grouped.setdefault((row["quarter"] or "-", row["provider_code"]), {})[row["measure"]] = shown(row["value"])
    told = {key: figures for key, figures in grouped.items() if set(figures) != {_OF_ALL_ACCOUNTS}}
    by_provider = sorted(told, key=lambda key: key[1])
    order = sorted(by_provider, key=lambda key: key[0], reverse=True)
    rows = [
        {"provider_code": without_numbers(provider), "quarter": quarter, "figures": told[quarter, provider]}
        for quarter, provider in order[:MOST_ROWS]
    ]
    return rows, len(order) - len(rows)
