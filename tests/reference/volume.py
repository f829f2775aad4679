"""Deliveries much smaller than the last ones of their provider (SPEC 3.1, ``min_share_of_last``)."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any

from reference.columns import FEEDS

if TYPE_CHECKING:
    from datetime import date

    from reference.contract import DeliveredFile

Key = tuple[Any, ...]
ABSENT = "no such key"


class Volumes:
    """Rows that each provider delivered, night by night."""

    def __init__(self) -> None:
        self.deltas: dict[Key, list[int]] = {}
        self.fulls: dict[Key, list[int]] = {}

    def small(self, files: list[DeliveredFile], night: date) -> list[str]:
        """Name the deliveries that are too small, and remember tonight's for the nights to come."""
        notes = []
        deltas: Counter[Key] = Counter()
        fulls: Counter[Key] = Counter()
        for file in files:
            if file.refused is None:
                stated = file.control.get("provider_code")
                if not file.full:
                    for provider, rows in _providers(file, stated).items():
                        deltas[file.feed, provider] += rows
                elif stated:
                    scope = (str(file.control.get(key, ABSENT)) for key in ("region_code", "business_codes"))
                    fulls[file.feed, stated, *scope] += len(file.rows)
        for key, rows in deltas.items():
            last = self.deltas.setdefault(key, [])
            if len(last) >= 3 and rows < Fraction(1, 2) * Fraction(median(last[-7:])):
                notes.append(f"small: {key} on {night}")
            last.append(rows)
        for key, rows in fulls.items():
            last = self.fulls.setdefault(key, [])
            if last and rows < Fraction(9, 10) * last[-1]:
                notes.append(f"small: {key} on {night}")
            last.append(rows)
        return notes


def _providers(file: DeliveredFile, stated: str | None) -> dict[str, int]:
    """Say whose rows a delta has: of the provider that its control names, else of the one that each row names."""
    if stated:
        return {stated: len(file.rows)}
    if all(column.name != "provider_code" for column in FEEDS[file.feed]):
        return {"": len(file.rows)}
    return dict(Counter(row.get("provider_code") for row in file.rows if row.get("provider_code")))
