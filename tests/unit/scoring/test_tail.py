"""The scorer without labels: monotone, bounded, exact, the same in every batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from creditaudit.errors import InternalError
from creditaudit.scoring.tail import RESOLUTION, Tail, fit_tail

VALUES = st.one_of(
    st.floats(-1e12, 1e12, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, 1.0, 5e-324, -5e-324, 1e300, -1e300]),
    st.integers(-4, 4).map(float),
    st.just(math.nan),
)
COLUMNS = arrays(np.float64, st.integers(1, 40), elements=VALUES)


def one(column: np.ndarray, sign: int) -> Tail:
    return fit_tail(column.reshape(-1, 1), [sign])


def at(tail: Tail, values: list[float]) -> list[float]:
    return tail.contributions(np.array(values).reshape(-1, 1))[:, 0].tolist()


@settings(max_examples=80, deadline=None)
@given(COLUMNS, st.sampled_from([-1, 0, 1]), arrays(np.float64, 12, elements=VALUES))
def test_steps_are_bounded_monotone_where_signed_and_centred(column: np.ndarray, sign: int, other: np.ndarray) -> None:
    tail = one(column, sign)
    [edges], [values] = tail.edges, tail.values
    assert len(edges) + 1 == len(values) <= RESOLUTION + 1
    assert (np.diff(edges) > 0).all()
    assert np.isfinite(edges).all()
    assert np.isfinite(values).all()
    assert values.max() - values.min() <= math.log(RESOLUTION) * (2 if sign == 0 else 1) + 1e-5
    ordered = np.sort(other[~np.isnan(other)])
    moves = np.diff(at(tail, ordered.tolist()))
    assert sign == 0 or (moves * sign >= 0).all()
    known = column[~np.isnan(column)]
    assert abs(math.fsum(at(tail, known.tolist()))) <= 1e-6 * max(1, len(known))


@settings(max_examples=30, deadline=None)
@given(
    arrays(np.float64, st.tuples(st.integers(2, 12), st.just(3)), elements=VALUES),
    st.permutations([-1, 0, 1]),
    st.randoms(use_true_random=False),
)
def test_a_row_scores_the_same_whatever_is_beside_it(matrix: np.ndarray, signs: list[int], chance: object) -> None:
    tail = fit_tail(matrix, signs)
    together = tail.score(matrix)
    alone = [tail.score(matrix[n : n + 1])[0] for n in range(len(matrix))]
    assert together.tolist() == alone
    order = list(range(len(matrix)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    again = fit_tail(matrix[order], signs)
    for mine, theirs in zip(tail.edges + tail.values, again.edges + again.values, strict=True):
        assert mine.tobytes() == theirs.tobytes()


def test_a_signed_feature_counts_the_rows_that_are_as_high() -> None:
    # Ten rows: 0 six times, 1 three times, 2 once.
    column = np.array([0.0] * 6 + [1.0] * 3 + [2.0])
    raw = [0.0, -math.log(0.4), -math.log(0.1)]
    mean = (3 * raw[1] + raw[2]) / 10
    assert at(one(column, 1), [-5, 0, 0.5, 1, 1.5, 2, 99]) == pytest.approx(
        [r - mean for r in (raw[0], raw[0], raw[0], raw[1], raw[1], raw[2], raw[2])], abs=1e-6
    )
    assert at(one(-column, -1), [5, 0, -0.5, -1, -1.5, -2, -99]) == at(one(column, 1), [-5, 0, 0.5, 1, 1.5, 2, 99])


def test_rarer_than_one_in_256_counts_as_one_in_256() -> None:
    column = np.arange(100_000, dtype=np.float64)
    [values] = one(column, 1).values
    assert len(values) == RESOLUTION + 1
    assert values[-1] - values[0] == pytest.approx(math.log(RESOLUTION), abs=1e-5)
    assert np.diff(values).max() < 2 * math.log(RESOLUTION) / RESOLUTION


def slow_depth(points: list[float], x: float, rng: np.random.Generator) -> int:
    """Cut at random until the point is alone, as one tree on one feature does."""
    depth = 0
    while len(points) > 1:
        cut = rng.uniform(points[0], points[-1])
        points = [p for p in points if (p < cut) == (x < cut)]
        depth += 1
    return depth


def test_an_unsigned_feature_has_the_mean_depth_of_an_isolation_tree() -> None:
    points = [0.0, 1.0, 1.5, 4.0, 9.0]
    rng = np.random.default_rng(5)
    drawn = [np.mean([slow_depth(points, x, rng) for _ in range(6000)]) for x in points]
    found = np.array(at(one(np.array(points), 0), points)) * -2
    assert found - found.mean() == pytest.approx(np.array(drawn) - np.mean(drawn), abs=0.05)
    assert at(one(np.array(points), 0), [-1e9, 6.49, 6.5, 1e9]) == at(one(np.array(points), 0), [0.0, 4.0, 9.0, 9.0])


def test_what_is_unknown_or_constant_adds_nothing() -> None:
    matrix = np.array([[1.0, np.nan, 3.0], [1.0, np.nan, np.nan], [1.0, np.nan, 4.0]])
    for sign in (-1, 0, 1):
        tail = fit_tail(matrix, [sign] * 3)
        assert [len(e) for e in tail.edges[:2]] == [0, 0]
        assert tail.contributions(np.array([[77.0, 5.0, np.nan]])).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("matrix", "signs"),
    [
        (np.zeros((0, 2)), [0, 0]),
        (np.array([[1.0, np.inf]]), [0, 0]),
        (np.array([[1.0, -2e300]]), [0, 0]),
        (np.zeros((3, 2)), [0]),
        (np.zeros(3), [0]),
        (np.zeros((3, 2)), [0, 2]),
    ],
)
def test_what_cannot_be_learned_from_is_refused(matrix: np.ndarray, signs: list[int]) -> None:
    with pytest.raises(InternalError):
        fit_tail(matrix, signs)


def test_what_cannot_be_scored_is_refused() -> None:
    tail = fit_tail(np.array([[1.0], [2.0]]), [1])
    for matrix in (np.array([[np.inf]]), np.zeros((1, 2))):
        with pytest.raises(InternalError):
            tail.score(matrix)
