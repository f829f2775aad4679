"""What would change the verdict: the smallest sets of facts that flip it, each found by judging again (SPEC 7.3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from creditaudit.explain.worlds import copied_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from creditaudit.explain.changes import Change
    from creditaudit.explain.worlds import Answer, Rows

# Larger sets are not looked for: whoever has to be wrong about four facts at once learns nothing from the list.
LARGEST = 3
# Worlds judged in one run; what bounds the memory of a question.
_AT_ONCE = 2_000
# Rows that the worlds of one size may have together: some seconds. A person with dozens of notices has millions of sets
# of three facts, and nobody reads what one of them would do.
_MOST_ROWS = 100_000


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
) -> tuple[tuple[Flip, ...], int]:
    """Return every minimal set of changes that gives another fault, and the size up to which all sets were tried.

    Parameters
    ----------
    rows : dict
        The account as it is; its own answer is asked for first.
    changes : sequence of Change
    judge : callable
        From worlds to their answers, in order.
    largest : int
        No larger sets are tried; fewer where those of a size would be too many. Single changes always are.

    Returns
    -------
    tuple of Flip
        Sets whose changes are all unknown first, then by size, then in the order of ``changes``.
    int
    """
    base = judge([rows])[0]
    found: list[Flip] = []
    tried = 0
    for size in range(1, largest + 1):
        if size > 1 and copied_rows(rows) * _count(changes, size) > _MOST_ROWS:
            break
        tried = size
        sets = [chosen for chosen in _sets(changes, size) if not _holds_one(chosen, found)]
        for start in range(0, len(sets), _AT_ONCE):
            some = sets[start : start + _AT_ONCE]
            answers = judge([changed(rows, chosen) for chosen in some])
            found += [
                Flip(chosen, answer) for chosen, answer in zip(some, answers, strict=True) if answer.fault != base.fault
            ]
        alone = {id(flip.changes[0]) for flip in found if len(flip.changes) == 1}
        changes = [change for change in changes if id(change) not in alone]  # no larger set with one is minimal
    return tuple(sorted(found, key=lambda flip: (len(flip.unknown) < len(flip.changes), len(flip.changes)))), tried


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


def _count(changes: Sequence[Change], size: int) -> int:
    """Count the sets of one size: none holds two changes of one slot."""
    counts = [1, *(0 for _ in range(size))]
    for values in Counter(change.slot for change in changes).values():
        for at in range(size, 0, -1):
            counts[at] += counts[at - 1] * values
    return counts[size]


def _holds_one(chosen: tuple[Change, ...], found: Sequence[Flip]) -> bool:
    """Say whether a smaller set that flips is part of this one: then this one is not minimal."""
    names = {id(change) for change in chosen}
    return any(all(id(change) in names for change in flip.changes) for flip in found)
