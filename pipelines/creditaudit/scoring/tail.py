"""How unusual a value is for its feature, frozen on the training rows: the scorer that needs no labels.

A feature with a sign is asked one thing, how few training rows are as extreme on the side that counts: minus the
natural logarithm of the empirical tail probability. A feature without one is asked how soon cuts at random places
set its value apart from 256 quantiles of the training rows: the mean depth that an isolation forest of trees on that
feature alone would reach, in closed form, so without a random number. Both count in natural logarithms and end at
ln 256 (with a sign) and 2 ln 256, so no single feature outweighs the others; both are step functions of one value, so
the sum is additive, exact, and the same whatever else is scored beside it. ``docs/scoring.md`` tells what was tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from creditaudit.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.float64]

RESOLUTION: Final = 256
"""Steps of a feature, and the rarest that counts: one row in so many. An isolation forest's own sample size."""
LARGEST: Final = 1e300
"""Sizes above this are refused: differences of two values must stay finite."""

_DECIMALS = 6


@dataclass(frozen=True)
class Tail:
    """Step functions, one per feature; what a fit leaves behind, and all that scoring needs.

    Attributes
    ----------
    edges
        Per feature, strictly increasing; at most `RESOLUTION` of them.
    values
        Per feature one more than its edges: ``values[i]`` holds for ``edges[i - 1] <= x < edges[i]``. Natural
        logarithms, rounded to 6 decimals, centred: the training rows that know the feature have a mean of 0.
    """

    edges: tuple[Floats, ...]
    values: tuple[Floats, ...]

    def contributions(self, matrix: Floats) -> Floats:
        """Return what each feature adds to each row's score.

        Parameters
        ----------
        matrix
            Shape (rows, features); NaN is unknown.

        Returns
        -------
        Same shape; 0 where the value is unknown: no more unusual than the training rows are on average.

        Raises
        ------
        InternalError
            Another number of features than at the fit, an infinite value, or one above `LARGEST`.
        """
        checked = _checked(matrix, len(self.edges))
        out = np.zeros(checked.shape)
        for nth, (edges, values) in enumerate(zip(self.edges, self.values, strict=True)):
            column = checked[:, nth]
            known = ~np.isnan(column)
            out[known, nth] = values[np.searchsorted(edges, column[known], side="right")]
        return out

    def score(self, matrix: Floats) -> Floats:
        """Return each row's sum of contributions, added in the order of the features; higher is more unusual.

        One addition after the other, not a vectorised sum: how many numbers a processor adds at once must not decide
        the last digit.
        """
        total = np.zeros(len(matrix))
        for column in self.contributions(matrix).T:
            total = total + column
        return total


def fit_tail(matrix: Floats, signs: Sequence[int]) -> Tail:
    """Freeze the step functions on training rows.

    Parameters
    ----------
    matrix
        Shape (rows, features); NaN is unknown and left out of its feature. Order of rows does not matter.
    signs
        One per feature: 1 if only high values speak for a theft, -1 if only low ones do, 0 if anything unusual does.

    Returns
    -------
    Monotone where there is a sign. A feature that no row knows, or with one value only, adds nothing to any row.

    Raises
    ------
    InternalError
        No row, another number of signs than features, a sign that is none of the three, an infinite value, or one
        above `LARGEST`.
    """
    checked = _checked(matrix, len(signs))
    if not len(checked):
        raise InternalError(
            "nothing to learn from", why="the training matrix has no row", next_step="train on nights with cases"
        )
    if set(signs) - {-1, 0, 1}:
        raise InternalError(
            "the signs of the features are wrong", why="one is none of -1, 0, 1", next_step="set each of them by hand"
        )
    fitted = [_feature(checked[:, nth], sign) for nth, sign in enumerate(signs)]
    return Tail(tuple(edges for edges, _ in fitted), tuple(values for _, values in fitted))


def _checked(matrix: Floats, features: int) -> Floats:
    checked = np.asarray(matrix, dtype=np.float64)
    if checked.ndim != 2 or checked.shape[1] != features:  # noqa: PLR2004 - rows and features
        raise InternalError(
            "the matrix does not fit the scorer",
            why=f"its shape is {checked.shape}, and {features} features are expected",
            next_step="give one column for each feature",
        )
    if (np.abs(checked) > LARGEST).any():
        raise InternalError(
            "the matrix cannot be scored",
            why=f"a value is infinite, or above {LARGEST:g} in size",
            next_step="give NaN where a value is unknown",
        )
    return checked


def _feature(column: Floats, sign: int) -> tuple[Floats, Floats]:
    # Minus zero is zero: an order of equals that sorting does not keep would decide which of them is an edge.
    known = np.sort(column[~np.isnan(column)] + 0.0)
    if not len(known) or known[0] == known[-1]:
        return np.zeros(0), np.zeros(1)
    if sign == 0:
        edges, values = _isolation(known)
    elif sign > 0:
        edges, values = _upper_tail(known)
    else:
        # x <= v is x < the next number after v: the same steps, seen from the other side.
        above, heights = _upper_tail(-known[::-1])
        edges, values = np.nextafter(-above[::-1], np.inf), heights[::-1].copy()
    rows = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(values))
    mean = math.fsum((rows * values).tolist()) / len(known)
    return edges, np.round(values - mean, _DECIMALS) + 0.0


def _upper_tail(known: Floats) -> tuple[Floats, Floats]:
    """Return steps of -ln(share of the rows that are at least x), ended at ln 256, of about equal height."""
    distinct, first = np.unique(known, return_index=True)
    as_high = len(known) - first
    levels = len(known) * np.array([math.pow(RESOLUTION, -k / RESOLUTION) for k in range(1, RESOLUTION + 1)])
    level = RESOLUTION - np.searchsorted(levels[::-1], as_high, side="left")
    rises = np.flatnonzero(np.diff(level, prepend=0) > 0)
    rises = rises[rises > 0]
    shares = np.maximum(as_high[rises] / len(known), 1 / RESOLUTION)
    heights = [0.0, *(-math.log(share) for share in shares.tolist())]
    return distinct[rises], np.array(heights)


def _isolation(known: Floats) -> tuple[Floats, Floats]:
    """Return steps of minus half the mean number of random cuts that part x from a sample of the rows.

    Of the gaps between the values of the sample, each is cut at a rate that goes with its length (a cut falls evenly
    on what is left together), so the gap between the k-th value and the next is cut before x and it are parted with
    probability gap / (distance from x to the gap's far end): the sum of these is the mean depth of x. Values that the
    sample has several times cannot be parted; they count as an isolation forest counts what is left in a leaf. Half,
    because a value in the midst of others is parted on both sides: so that rarity counts as it does in a tail. The
    depth ends at 4 ln 256, twice that of the middle of evenly spread values: where each gap is a multiple of the one
    before, cuts part one value at a time, and depth would count values, not rarity.
    """
    size = min(RESOLUTION, len(known))
    sample = known[((2 * np.arange(size) + 1) * len(known)) // (2 * size)]
    sample[0], sample[-1] = known[0], known[-1]
    points, times = np.unique(sample, return_counts=True)
    gaps = np.diff(points)
    away = points[np.newaxis, :] - points[:, np.newaxis]
    depth = _leaf_depth(times)
    for nth in range(len(points)):
        depth[nth] += (gaps[nth:] / away[nth, nth + 1 :]).sum() + (gaps[:nth] / -away[nth, :nth]).sum()
    depth = np.minimum(depth, 4 * math.log(RESOLUTION))
    middle = points[:-1] / 2 + points[1:] / 2
    # Of two neighbouring numbers there is none between.
    edges = np.where(middle > points[:-1], middle, points[1:])
    return edges + 0.0, -depth / 2


def _leaf_depth(count: npt.NDArray[Any]) -> Floats:
    """Return the mean depth of a tree grown on so many rows (Liu, Ting and Zhou 2008, equation 1)."""
    harmonic = [0.0, *np.cumsum(1 / np.arange(1, RESOLUTION)).tolist()]
    return np.array([2 * harmonic[n - 1] - 2 * (n - 1) / n for n in count.tolist()])
