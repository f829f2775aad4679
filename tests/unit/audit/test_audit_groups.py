"""Groups of institutions on the night's date (SPEC 3.2 and 12, Group)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from creditaudit.audit.groups import groups, parents

DAY = date(2026, 11, 20)


def row(provider: str, parent: str | None, first: str | None = None, last: str | None = None) -> dict[str, Any]:
    days = {"valid_from": first and date.fromisoformat(first), "valid_to": last and date.fromisoformat(last)}
    return {"provider_code": provider, "parent_code": parent, **days}


@pytest.mark.parametrize(
    ("rows", "parent"),
    [
        ([row("A", "X")], "X"),
        ([row("A", "X", "2026-11-20", "2026-11-20")], "X"),
        ([row("A", "X", "2026-11-21")], "none"),
        ([row("A", "X", None, "2026-11-19")], "none"),
        ([row("A", "X", "2020-01-01"), row("A", "Y", "2019-01-01")], "X"),
        ([row("A", "X", "2020-01-01"), row("A", "Y", "2020-01-01")], "Y"),
        ([row("A", "X", "2020-01-01"), row("A", "Y")], "X"),
        ([row("A", "X", "2020-01-01"), row("A", None, "2021-01-01")], None),
    ],
    ids=["open", "one_day", "not_yet", "no_more", "latest", "last_in_table", "no_first_day_is_earliest", "independent"],
)
def test_of_several_rows_in_force_the_latest_then_the_last_counts(rows: list[dict[str, Any]], parent: str) -> None:
    assert parents(rows, DAY).get("A", "none") == parent


@pytest.mark.parametrize(
    ("parent_of", "expected"),
    [
        ({"A": "B", "B": "C", "C": None}, {"A": "C", "B": "C", "C": "C"}),
        ({"A": "B"}, {"A": "B"}),
        ({"A": "A"}, {"A": "A"}),
        # The last before the repeat: another one for each way into the ring.
        ({"A": "B", "B": "C", "C": "B"}, {"A": "C", "B": "C", "C": "B"}),
        ({"A": "B", "B": "C", "C": "A", "D": "B", "E": "C"}, {"A": "C", "B": "A", "C": "B", "D": "A", "E": "B"}),
    ],
    ids=["line", "parent_without_a_row", "own_parent", "into_a_ring", "ring_of_three"],
)
def test_the_group_is_the_top_of_the_line(parent_of: dict[str, str | None], expected: dict[str, str]) -> None:
    for order in (parent_of, dict(reversed(parent_of.items()))):
        found = groups(order)
        assert {provider: found[provider] for provider in parent_of} == expected


def test_a_line_of_ten_thousand_is_walked_once() -> None:
    line: dict[str, str | None] = {f"P{n}": f"P{n + 1}" for n in range(10_000)}
    assert set(groups(line).values()) == {"P10000"}
