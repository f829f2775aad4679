"""The neighbours of odd numbers, against a slow search letter by letter."""

from __future__ import annotations

import random

from creditaudit.audit.suggestions import neighbours


def slowly(number: str) -> set[str]:
    """Return every text of 17 digits and a digit or X that one slip makes of a number."""
    letters = "0123456789X"
    found = {number[:i] + c + number[i:] for i in range(len(number) + 1) for c in letters}
    found |= {number[:i] + number[i + 1 :] for i in range(len(number))}
    found |= {number[:i] + c + number[i + 1 :] for i in range(len(number)) for c in letters}
    found |= {number[:i] + number[i + 1] + number[i] + number[i + 2 :] for i in range(len(number) - 1)}
    return {n for n in found if len(n) == 18 and n.isascii() and n[:17].isdigit() and (n[17].isdigit() or n[17] == "X")}


def test_neighbours_are_those_of_a_slow_search(rotating_seed):
    rng = random.Random(rotating_seed)  # noqa: S311 - test data
    numbers = ["".join(rng.choices("0123456789", k=rng.choice((15, 16, 17, 18, 18, 19, 20)))) for _ in range(40)]
    numbers += ["1101O519491231002X", "11010519491231002Ｘ", "1101051949123100张X", "", "X" * 18, "110105194912310020X"]
    table = neighbours(numbers)
    found: dict[str, set[str]] = {number: set() for number in numbers}
    for number, suggested in zip(table["id_norm"].to_pylist(), table["suggested"].to_pylist(), strict=True):
        found[number].add(suggested)
    assert found == {number: slowly(number) for number in numbers}
