"""Which facts, if they were shown, would change a fault: read off the grid, exhaustively.

A *flip set* is a set of element values that makes the grid give another fault, and of which no smaller part does. Only
what evidence can show is set: that a duty was or was not in force, that the notice was or was not visible, what the log
of checks says, the exception, that the finding itself holds, which card was shown, that the log is complete.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

from creditaudit.fault.elements import ELEMENTS, is_settable
from creditaudit.fault.grid import VERDICTS, Combination, shipped_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FlipSet = frozenset[tuple[str, str]]

_SHOWN: dict[str, tuple[str, ...]] = {
    "duty": ("in_force", "not_in_force"),
    "knowable": ("could_have_known", "could_not_have_known"),
    "performed": ("passed", "warned", "errored", "missing"),
    "exception": ("proven", "refuted"),
    "verdict": ("violation",),
    "card": ("same",),
    "covered": ("yes",),
}


def changes(combination: Combination) -> dict[str, tuple[str, ...]]:
    """Return the values that each element could be shown to have instead, by element, in a fixed order."""
    found = {}
    for name in ELEMENTS:
        values = tuple(v for v in _SHOWN[name] if _is_other(combination, name, v))
        if values and is_settable(name, combination):
            found[name] = values
    return found


def _is_other(combination: Combination, name: str, value: str) -> bool:
    if name == "exception":  # it is one of an adverse answer; an answer that is set gets its exception in the same set
        return (value == "refuted") == (combination.performed == "excepted")
    if name == "verdict":  # an R201 lead is one of another check: no evidence makes it a violation of this one
        return combination.verdict != value and combination.finding != "R201" and value in VERDICTS[combination.finding]
    if name == "performed" and combination.performed == "excepted":
        return value != "warned"  # that is the exception refuted
    return name == "card" or getattr(combination, name) != value


def changed(combination: Combination, values: Mapping[str, str]) -> Combination:
    """Return a combination with elements shown to be otherwise."""
    cells = {name: value for name, value in values.items() if name not in {"exception", "card"}}
    if "card" in values:
        cells["finding"] = "R101"  # the card of the notice is the one that was shown
    done = replace(combination, **cells)
    exception = values.get("exception")
    if exception == "proven" and done.performed == "warned":
        return replace(done, performed="excepted")
    if exception == "refuted" and done.performed == "excepted":
        return replace(done, performed="warned")
    return done


@cache
def fault_of(combination: Combination) -> str:
    """Return the fault that the shipped grid gives a combination."""
    return shipped_grid().decide(combination).fault


@cache
def flip_sets(combination: Combination) -> tuple[FlipSet, ...]:
    """Return the minimal sets of element values that change the fault of a combination.

    Parameters
    ----------
    combination : Combination

    Returns
    -------
    tuple of frozenset of (element, value)
        Fewest elements first, then by element in the order of ``ELEMENTS``. Every set changes the fault; no proper part
        of one does.
    """
    now = fault_of(combination)
    found: list[FlipSet] = []
    for values in sorted(_assignments(combination), key=len):  # stable: of one size, in the order of the elements
        candidate = frozenset(values.items())
        if any(smaller <= candidate for smaller in found):
            continue
        if fault_of(changed(combination, values)) != now:
            found.append(candidate)
    return tuple(found)


def _assignments(combination: Combination) -> Iterator[dict[str, str]]:
    """Yield every choice of values for every choice of elements, but the empty one."""
    options = changes(combination)
    for values in product(*((*given, None) for given in options.values())):
        chosen = {name: value for name, value in zip(options, values, strict=True) if value is not None}
        if chosen:
            yield chosen
