"""Names of the array types of this room, and the two ways in which it draws.

Grain is one element per row of something (a person, an account, a notice) unless a docstring says otherwise.
Days are days since 1970-01-01, instants are whole seconds since then, both in Asia/Shanghai civil time.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.integer[Any]]
Mask: TypeAlias = npt.NDArray[np.bool_]
Cells: TypeAlias = npt.NDArray[np.bytes_]

NO_DAY: Final = -(2**31)
"""Stands for a missing day."""
NO_INSTANT: Final = -(2**62)
"""Stands for a missing instant."""
FAR: Final = 10**6
"""A day after every other day of this room: an event that does not come."""
DAY_SECONDS: Final = 86_400

_PICK_BITS = 12


def pick(rng: np.random.Generator, count: int, weights: Sequence[float]) -> Ints:
    """Draw `count` indexes into `weights`, to the nearest 1/4096 of their proportion.

    A table look-up on 12 random bits: several times cheaper than ``Generator.choice`` and exact enough here.
    """
    share = np.asarray(weights, dtype=np.float64)
    size = 1 << _PICK_BITS
    bounds = np.round(np.cumsum(share) / share.sum() * size).astype(np.int64)
    table = np.repeat(np.arange(len(share), dtype=np.int8), np.diff(bounds, prepend=0))
    return table.take(rng.integers(0, size, count, dtype=np.uint16))


def chance(rng: np.random.Generator, count: int, share: float) -> Mask:
    """Draw `count` booleans, true with probability `share` (to 1/2**32)."""
    limit = np.uint32(min(2**32 - 1, round(share * 2**32)))
    drawn: Mask = rng.integers(0, 2**32, count, dtype=np.uint32) < limit
    return drawn


def rare(rng: np.random.Generator, count: int, share: float, at_least: int = 0) -> Ints:
    """Return the sorted indexes of a few of `count` rows: about `share` of them, and `at_least` some.

    The cost grows with the rows chosen, not with `count`.
    """
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    wanted = min(count, max(int(rng.binomial(count, share)), at_least))
    return np.unique(rng.integers(0, count, wanted, dtype=np.int64))
