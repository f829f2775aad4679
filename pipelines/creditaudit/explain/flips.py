"""What would change the verdict: the smallest sets of facts that flip it, each found by judging again (SPEC 7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from creditaudit.explain.changes import Change
    from creditaudit.explain.worlds import Answer, Rows

# Larger sets are not looked for: whoever has to be wrong about four facts at once learns nothing from the list.
LARGEST = 3
# Worlds judged in one run; what bounds the memory of a question.
_AT_ONCE = 2_000


@dataclass(frozen=True)
class Flip:
    """A set of changes that flips the verdict, while no part of it does.

    Parameters
    ----------
    changes : tuple of Change
    answer : Answer
        What the judgment says then.
    """

    changes: tuple[Change, ...]
    answer: Answer

    @property
    def unknown(self) -> tuple[Change, ...]:
        """The changes that a document could still show; the others would contradict what is known."""
        return tuple(change for change in self.changes if change.is_unknown)


def minimal_flips(
    rows: Rows, changes: Sequence[Change], judge: Callable[[list[Rows]], list[Answer]], largest: int = LARGEST
) -> tuple[Flip, ...]:
    """Return every minimal set of at most ``largest`` changes that gives another fault.

    Parameters
    ----------
    rows : dict
        The account as it is; its own answer is asked for first.
    changes : sequence of Change
    judge : callable
        From worlds to their answers, in order.
    largest : int

    Returns
    -------
    tuple of Flip
        Sets whose changes are all unknown first, then by size, then in the order of ``changes``.
    """
    base = judge([rows])[0]
    found: list[Flip] = []
    for size in range(1, largest + 1):
        sets = [chosen for chosen in _sets(changes, size) if not _holds_one(chosen, found)]
        for start in range(0, len(sets), _AT_ONCE):
            some = sets[start : start + _AT_ONCE]
            answers = judge([changed(rows, chosen) for chosen in some])
            found += [
                Flip(chosen, answer) for chosen, answer in zip(some, answers, strict=True) if answer.fault != base.fault
            ]
    return tuple(sorted(found, key=lambda flip: (len(flip.unknown) < len(flip.changes), len(flip.changes))))


def changed(rows: Rows, changes: Sequence[Change]) -> Rows:
    """Return the rows with some facts changed; the given ones stay as they are."""
    world = dict(rows)
    for change in changes:
        change.apply(world)
    return world


def _sets(changes: Sequence[Change], size: int) -> Iterator[tuple[Change, ...]]:
    for chosen in combinations(changes, size):
        if len({change.slot for change in chosen}) == size:
            yield chosen


def _holds_one(chosen: tuple[Change, ...], found: Sequence[Flip]) -> bool:
    """Say whether a smaller set that flips is part of this one: then this one is not minimal."""
    names = {id(change) for change in chosen}
    return any(all(id(change) in names for change in flip.changes) for flip in found)
