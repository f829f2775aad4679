"""SPEC 7.4: same model and same account, same score; more overdue never lowers it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditaudit.scoring.features import FEATURES, NAMES, Lookups
from creditaudit.scoring.fit import labelled_model, tail_model
from creditaudit.scoring.formula import FORMULA
from creditaudit.scoring.outcomes import Labels

if TYPE_CHECKING:
    from creditaudit.scoring.model import Model

_RNG = np.random.default_rng(7)
_CASES = np.where(_RNG.random((300, len(FEATURES))) < 0.2, np.nan, _RNG.integers(0, 12, (300, len(FEATURES))) / 3)
_LABELS = Labels(np.arange(300), (_RNG.random(300) < 0.4).astype(float), np.ones(300), {})
MODELS = {
    "tail": tail_model(_CASES, Lookups()),
    "labelled": labelled_model(_CASES, _CASES, _LABELS, [str(n) for n in range(300)], Lookups())[0],
    "formula": FORMULA,
}
_value = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6), st.integers(-2, 40).map(float))


def _rows(model: Model) -> st.SearchStrategy[list[list[float]]]:
    width = len(model.features)
    return st.lists(st.lists(_value, min_size=width, max_size=width), min_size=1, max_size=8)


@pytest.mark.parametrize("kind", sorted(MODELS))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_case_scores_alone_as_in_any_batch(kind: str, data: st.DataObject) -> None:
    model = MODELS[kind]
    rows = np.array(data.draw(_rows(model)))
    moved = model.contributions(rows)
    together = model.priority(moved)
    assert (model.scores(moved) - model.base == moved.sum(axis=1)).all()
    for n in range(len(rows)):
        assert model.priority(model.contributions(rows[n : n + 1]))[0] == together[n]
    turned = model.priority(model.contributions(rows[::-1]))
    assert (turned[::-1] == together).all()


@pytest.mark.parametrize("kind", ["tail", "labelled"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_more_overdue_never_lowers_a_priority(kind: str, data: st.DataObject) -> None:
    model = MODELS[kind]
    row = np.array(data.draw(_rows(model))[0])
    less, more = sorted(data.draw(st.tuples(st.floats(0, 2), st.floats(0, 2))))
    pair = np.stack([row, row])
    pair[:, NAMES.index("overdue")] = less, more
    found = model.priority(model.contributions(pair))
    assert found[0] <= found[1]


# Few are alone: what is usual lies above "shared by two".
_SHARED = np.where(_RNG.random(300) < 0.2, np.nan, _RNG.integers(2, 9, 300).astype(float))
_TOLD = _CASES.copy()
_TOLD[:, [feature.alone is not None for feature in FEATURES]] = _SHARED[:, np.newaxis]
# Labels that go against the sign: even then a shared phone lowers nothing.
_AGAINST = Labels(np.arange(300), np.isnan(_SHARED).astype(float), np.ones(300), {})
_ALONG = Labels(np.arange(300), 1 - np.isnan(_SHARED).astype(float), np.ones(300), {})
SHARED = {
    "tail": tail_model(_TOLD, Lookups()),
    "along": labelled_model(_TOLD, _TOLD, _ALONG, [str(n) for n in range(300)], Lookups())[0],
    "against": labelled_model(_TOLD, _TOLD, _AGAINST, [str(n) for n in range(300)], Lookups())[0],
}


@pytest.mark.parametrize("kind", sorted(SHARED))
@pytest.mark.parametrize("name", ["phone_people", "handler_people"])
def test_shared_by_several_never_lies_below_shared_by_nobody(kind: str, name: str) -> None:
    """Whom the model does not know has the phone for himself: 0, and nothing that it knows is less."""
    model, place = SHARED[kind], NAMES.index(name)
    rows = np.full((10, len(FEATURES)), np.nan)
    rows[1:, place] = np.arange(2.0, 11.0)
    moved = model.contributions(rows)[:, place]
    assert moved[0] == 0
    assert (np.diff(moved) >= 0).all()
    if kind == "tail" or (kind == "along" and name == "phone_people"):  # of two equal features a tree asks the first
        assert moved[1] > 0
